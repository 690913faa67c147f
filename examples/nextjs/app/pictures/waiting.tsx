"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";

const retryMs = 5_000;

/** Shows the progress of a picture. Refreshes the page when the picture is finished. */
export function Waiting({ id, status }: { id: string; status: string }) {
  const router = useRouter();
  const [attempt, setAttempt] = useState(0);
  const [shown, setShown] = useState<{ status: string; percent: number | null }>({ status, percent: null });
  useEffect(() => {
    const source = new EventSource(`/pictures/${id}/events`);
    source.addEventListener("status", ({ data }) => {
      const { generation } = JSON.parse(data);
      if (generation.completed_at === null) return setShown({ status: generation.status, percent: null });
      source.close();
      router.refresh();
    });
    source.addEventListener("progress", ({ data }) =>
      setShown({ status: "processing", percent: JSON.parse(data).percent }),
    );
    let timer: ReturnType<typeof setTimeout>;
    source.addEventListener("error", () => {
      // The browser reconnects automatically, except if the answer is not a stream, for example after the session has ended.
      if (source.readyState !== EventSource.CLOSED) return;
      router.refresh();
      timer = setTimeout(() => setAttempt(attempt + 1), retryMs);
    });
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [id, router, attempt]);
  return (
    <label>
      {shown.percent === null ? `${shown.status} …` : `${shown.status}, ${shown.percent} %`}
      <progress max={100} value={shown.percent ?? undefined} />
    </label>
  );
}
