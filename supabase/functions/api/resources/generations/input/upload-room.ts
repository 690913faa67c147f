import { ApiError } from "../../../errors.ts";
import { leastBytesPerSecond } from "../../../middleware/steady-body.ts";

/** Hosted Supabase ends a request after this time. A body that others wait for must be complete by then. */
const requestSeconds = 150;
/** The memory of each open body besides its bytes. */
const bodyBytes = 16 * 1024;

type Waiter = { place: Place; bytes: number; start: () => void };

/**
 * Bounds the memory of all request bodies by the bytes that have arrived; a declared length takes no room. A client may exceed its
 * share only while a whole share is free. One waiting request at a time may exceed the total, up to the largest body, so that
 * half-read bodies never wait for each other forever.
 */
export class UploadRoom {
  readonly #total: number;
  readonly #share: number;
  readonly #timeoutMs: number;
  #used = 0;
  readonly #byClient = new Map<string, number>();
  #overdrawn: Place | null = null;
  readonly #waiting: Waiter[] = [];

  constructor(total: number, share: number, timeoutMs = 60_000) {
    this.#total = total;
    this.#share = share;
    this.#timeoutMs = timeoutMs;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes a place for one body. @throws ApiError overloaded */
  async enter(client: string): Promise<Place> {
    const place = new Place(this, client);
    await place.hold(bodyBytes);
    return place;
  }

  /** @internal */
  async take(place: Place, bytes: number): Promise<void> {
    if (this.#fits(place, bytes)) this.#add(place, bytes);
    else await this.#wait(place, bytes);
  }

  /** @internal */
  give(place: Place): void {
    const left = (this.#byClient.get(place.client) ?? 0) - place.counted;
    if (left > 0) this.#byClient.set(place.client, left);
    else this.#byClient.delete(place.client);
    this.#used -= place.counted;
    place.counted = 0;
    if (this.#overdrawn === place) this.#overdrawn = null;
    this.#admit();
  }

  /** The least rate of a body that holds this many bytes. It is higher only while others wait. */
  leastRate(heldBytes: number): number {
    return this.#waiting.length === 0
      ? leastBytesPerSecond
      : Math.max(leastBytesPerSecond, heldBytes / requestSeconds);
  }

  #fits(place: Place, bytes: number): boolean {
    if (this.#overdrawn === place) return true;
    const held = this.#byClient.get(place.client) ?? 0;
    const allowed = held + bytes <= this.#share ? this.#total : this.#total - this.#share;
    return this.#used + bytes <= allowed;
  }

  #add(place: Place, bytes: number): void {
    place.held += bytes;
    // Bytes above the total take no room from others.
    if (this.#overdrawn === place) return;
    place.counted += bytes;
    this.#used += bytes;
    this.#byClient.set(place.client, (this.#byClient.get(place.client) ?? 0) + bytes);
  }

  #wait(place: Place, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        place,
        bytes,
        start: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new ApiError("overloaded", { retryAfterSeconds: 5 }));
      }, this.#timeoutMs);
      this.#waiting.push(waiter);
      this.#admit();
    });
  }

  /** Admits in order of arrival, except that nobody waits behind a client above its share. */
  #admit(): void {
    for (const waiter of [...this.#waiting]) {
      if (this.#fits(waiter.place, waiter.bytes)) this.#start(waiter);
    }
    const held = ({ place }: Waiter) => this.#byClient.get(place.client) ?? 0;
    const next = this.#waiting.find((waiter) => held(waiter) <= this.#share) ?? this.#waiting[0];
    if (this.#overdrawn !== null || next === undefined) return;
    this.#overdrawn = next.place;
    this.#start(next);
  }

  #start(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    this.#add(waiter.place, waiter.bytes);
    waiter.start();
  }
}

/** The memory of one body. */
export class Place {
  readonly client: string;
  /** Its bytes in memory. */
  held = 0;
  /** Its bytes that take room from others. */
  counted = 0;
  readonly #room: UploadRoom;

  constructor(room: UploadRoom, client: string) {
    this.#room = room;
    this.client = client;
  }

  /** Waits until there is room for more bytes. @throws ApiError overloaded */
  hold = (bytes: number): Promise<void> => this.#room.take(this, bytes);

  bytesPerSecond = (): number => this.#room.leastRate(this.held);

  /** Frees all its room. */
  leave(): void {
    this.#room.give(this);
    this.held = 0;
  }
}
