interface Note {
  readonly doorTime: number
  readonly called: number
}

/**
 * When the line had moved how far: some 64 notes for the time somebody who was called is waited
 * for.
 */
export class CallLog {
  readonly #claimMs: number
  readonly #notes: Note[] = []

  constructor(claimMs: number) {
    this.#claimMs = claimMs
  }

  note(doorTime: number, called: number): void {
    const latest = this.#notes.at(-1)
    if (called <= (latest?.called ?? 0)) return
    if (latest?.doorTime === doorTime) this.#notes.pop()
    else if (latest && doorTime - latest.doorTime < this.#claimMs / 64) return
    this.#notes.push({ doorTime, called })
  }

  /** Up to here everybody was called at least `claimMs` ago. */
  passed(doorTime: number): number {
    const ripe = (note: Note | undefined) => note !== undefined && note.doorTime + this.#claimMs <= doorTime
    while (ripe(this.#notes[1])) this.#notes.shift()
    return ripe(this.#notes[0]) ? this.#notes[0]!.called : 0
  }
}
