interface Note {
  readonly doorTime: number
  readonly called: number
}

/**
 * The history of `called`: some 64 notes over the time that the room waits for a called visitor.
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

  /** All visitors up to this rank were called at least `claimMs` ago. */
  passed(doorTime: number): number {
    const ripe = (note: Note | undefined) => note !== undefined && note.doorTime + this.#claimMs <= doorTime
    while (ripe(this.#notes[1])) this.#notes.shift()
    return ripe(this.#notes[0]) ? this.#notes[0]!.called : 0
  }
}
