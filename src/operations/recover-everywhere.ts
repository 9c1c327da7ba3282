import type { Engine } from '../engine/engine.js'
import { processNameOf } from '../heartbeat/heartbeat.js'
import { FlashSale } from '../sale/flash-sale.js'
import type { RecoverOptions, RecoveryEverywhere, RecoveryProgress } from '../sale/results.js'

type Everywhere = NonNullable<RecoverOptions['everywhere']>

/**
 * Asks every process to recover a sale, by a handle that the heartbeat knows. This process has sold
 * nothing, so it is never among those that are missing.
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
    missing: progress.missing.filter((one) => one.id !== processNameOf(engine)),
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
