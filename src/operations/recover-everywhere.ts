import type { Engine } from '../engine/engine.js'
import { processNameOf } from '../heartbeat/heartbeat.js'
import { FlashSale } from '../sale/flash-sale.js'
import type { RecoverOptions, RecoveryEverywhere, RecoveryProgress } from '../sale/results.js'

type Everywhere = NonNullable<RecoverOptions['everywhere']>

/**
 * Asks every process to recover a sale, by a handle that the heartbeat knows. That handle has sold
 * nothing: so this process is among those that are missing only if another handle of it has failed.
 */
export async function recoverEverywhere(
  engine: Engine,
  deadlineMs: number,
  id: string,
  recovery: RecoverOptions & { readonly everywhere: Everywhere },
): Promise<RecoveryEverywhere> {
  const sale = new FlashSale(id, { engine, deadlineMs })
  const told = <P extends RecoveryProgress>(progress: P): P => ({
    ...progress,
    missing: progress.missing.filter(({ id, error }) => error !== undefined || id !== processNameOf(engine)),
  })
  const { onProgress, ...rest } = recovery.everywhere
  const everywhere = {
    ...rest,
    ...(onProgress && { onProgress: (progress: RecoveryProgress) => onProgress(told(progress)) }),
  }
  try {
    const recovered = await sale.recover({ ...recovery, everywhere })
    return { ...recovered, processes: told(recovered.processes) }
  } finally {
    await sale.close()
  }
}
