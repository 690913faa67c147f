/** A list that forgets its oldest entries. */
export class BoundedLog<T> {
  private readonly entries: T[] = [];
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(entry: T): T {
    this.entries.push(entry);
    if (this.entries.length > this.limit) this.entries.splice(0, this.entries.length - this.limit);
    return entry;
  }

  filter(keep: (entry: T) => boolean): T[] {
    return this.entries.filter(keep);
  }
}
