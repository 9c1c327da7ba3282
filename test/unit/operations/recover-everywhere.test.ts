import { expect, onTestFinished, test, vi } from 'vitest'
import { processNameOf } from '../../../src/heartbeat/heartbeat.js'
import { FlashSale, memoryEngine } from '../../../src/index.js'
import { recoverEverywhere } from '../../../src/operations/recover-everywhere.js'
import type { MissingProcess, RecoveryEverywhere } from '../../../src/sale/results.js'

/** What is told if these processes are missing; `own`: the one that asks. */
async function told(missing: (own: string) => Partial<MissingProcess>[]) {
  const engine = memoryEngine()
  const recover = vi.spyOn(FlashSale.prototype, 'recover')
  onTestFinished(async () => {
    recover.mockRestore()
    await engine.close()
  })
  recover.mockImplementation(async () => {
    const processes = { answered: [], missing: missing(processNameOf(engine)!), lacking: 1, resumed: false }
    return {
      restored: 0,
      refused: [],
      forgotten: 0,
      state: 'frozen',
      processes,
    } as unknown as RecoveryEverywhere
  })
  const everywhere = { waitFor: 1, timeoutMs: 1_000 }
  const { processes } = await recoverEverywhere(engine, 60_000, 'launch', { from: 'replay', everywhere })
  return processes.missing
}

test('the process that asks has sold nothing by this handle: it is not missing', async () => {
  const other = { id: 'other', error: undefined }
  expect(await told((own) => [{ id: own, error: undefined }, other])).toEqual([other])
})

test('a process that sells and asks is missing with its error, if its own recovery fails', async () => {
  const error = 'UNAVAILABLE: away'
  expect(await told((own) => [{ id: own, error }])).toMatchObject([{ error }])
})
