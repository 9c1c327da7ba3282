const tuning = {
  /** How many characters of a name a message shows. */
  shown: 40,
}

/** A user-supplied name, shortened and quoted for a message. */
export function label(sku: string): string {
  return JSON.stringify(sku.length > tuning.shown ? `${sku.slice(0, tuning.shown)}…` : sku)
}
