const tuning = {
  /** The number of characters at the end that are taken. */
  length: 7,
  /** The hash is multiplied by this for each of them. */
  factor: 67,
}

/** A hash of a text whose last characters are random, such as a signature: its end. */
export function tailHash(text: string): number {
  let hash = 0
  for (let i = Math.max(0, text.length - tuning.length); i < text.length; i++)
    hash = (Math.imul(hash, tuning.factor) + text.charCodeAt(i)) | 0
  return hash
}
