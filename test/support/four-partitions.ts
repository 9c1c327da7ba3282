import { vi } from 'vitest'

/** Sales that say nothing of partitions have four. */
vi.mock('../../src/sale/rules.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/sale/rules.js')>()
  const normalizeRules: typeof original.normalizeRules = (given) =>
    original.normalizeRules(
      typeof given === 'object' && given !== null && given.partitions === undefined
        ? { ...given, partitions: 4 }
        : given,
    )
  return { ...original, normalizeRules }
})
