/** What a `FlashSale` needs of the room before it. */
export interface Door {
  /** The sale it stands before; `null` if it was not told. */
  readonly sale: string | null
  /**
   * Lets a buyer in by a pass.
   *
   * @param deadline When it must have been said at the latest, by the engine's timing.
   * @throws {StockholdError} `PASS_INVALID`, `PASS_EXPIRED`; `UNAVAILABLE` while nobody can say whether it was revoked.
   */
  enter(pass: unknown, buyer: string, deadline: number): Promise<Admission>
}

export interface Admission {
  /** The buyer has had their try: the pass counts no more against the stock. Valid it stays. */
  spend(): void
}
