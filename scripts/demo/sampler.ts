/**
 * Samples for a panel: a call while the sample before is under way waits for that one. A failed
 * sample is ignored, so that the panel shows the latest one.
 */
export function sampler(take: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | undefined
  return () => {
    underWay ??= take()
      .catch(() => {})
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
}
