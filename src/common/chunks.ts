/** Splits a list into chunks of at most `size`, in order. */
export function* chunksOf<T>(list: readonly T[], size: number): Generator<T[], void, undefined> {
  for (let first = 0; first < list.length; first += size) yield list.slice(first, first + size)
}
