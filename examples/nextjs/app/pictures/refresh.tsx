"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Asks for the page again each second, while something on it is still being made. */
export function Refresh() {
  const router = useRouter();
  useEffect(() => {
    const timer = setInterval(() => router.refresh(), 1_000);
    return () => clearInterval(timer);
  }, [router]);
  return null;
}
