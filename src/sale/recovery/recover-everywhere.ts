import { randomBytes } from 'node:crypto'
import { withDeadline } from '../../batching/shared-wait.js'
import { notify } from '../../common/callback.js'
import { ask } from '../../engine/ask.js'
import { sleep } from '../../engine/clock.js'
import type { HeartbeatCommands, NotedRequest } from '../../engine/heartbeat.js'
import type { Final } from '../../engine/port.js'
import { invalid, isAway, isLost, isNotFound, unavailable } from '../../errors.js'
import type { Membership } from '../../heartbeat/heartbeat.js'
import { textsOf } from '../../heartbeat/open-handle.js'
import { readProcesses } from '../../heartbeat/processes.js'
import type { SignalOption } from '../../validation.js'
import type { RecoverOptions, RecoveryEverywhere } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import { pausePresent } from './pause-present.js'
import { type CheckedRecovery, type Recovered, type RecoveringHandle, recoverSale } from './recover-sale.js'
import { type RecoveryBody, stateOf, subjectOf } from './recovery-request.js'
import { lookAtSale } from './recovery-responder.js'

const tuning = {
  /** How often the process that asks looks for answers. ms */
  pollMs: 200,
}

type Answer<C extends keyof HeartbeatCommands> = Final<HeartbeatCommands[C]['answer']>

/**
 * Recovers a sale in every process that has it open: see `recover` of `FlashSale`. The request
 * stands in the engine, and all that follows is done by the heartbeats; this call waits for it, and
 * goes on where a process, or the request, was lost.
 */
export async function recoverEverywhere(
  handle: RecoveringHandle,
  {
    from,
    unfreeze,
    paused,
    everywhere,
  }: CheckedRecovery & { readonly everywhere: NonNullable<RecoverOptions['everywhere']> },
  options?: SignalOption,
): Promise<Omit<RecoveryEverywhere, 'state'>> {
  const { sale, client, heartbeat } = handle
  if (!heartbeat) throw invalid('everywhere', 'needs an engine with a heartbeat')
  const fromLedger = async (): Promise<Recovered> =>
    typeof from === 'string'
      ? { restored: 0, refused: [], forgotten: 0 }
      : recoverSale(handle, { from, unfreeze: false, paused }, options)
  let own = await fromLedger()
  const resumes = unfreeze !== false
  const recovers = from === 'accept' ? 'accept' : 'replay'
  const body: RecoveryBody = { kind: 'sale', id: sale, recovers, resumes, ...(paused && { paused }) }
  const request = new Request(client, heartbeat, sale, body, everywhere, options)
  const make = async () => {
    const joined = await request.make()
    // If Redis is away now, the process that resumes the sale pauses it before.
    if (paused) await pausePresent(client, options).catch(passIfAway)
    return joined
  }
  let joined = await make()
  for (let answers = -1; ; ) {
    const { found, now } = await request.find()
    if (!found) {
      // Redis has lost it, and with it perhaps the pause, and what was recovered.
      own = await fromLedger()
      joined = await make()
      continue
    }
    const { refused, ...state } = stateOf(found, sale, await request.processes())
    if (state.answered.length !== answers) notify(everywhere.onProgress, state)
    answers = state.answered.length
    const isResumed = found.finishedAt !== null
    const isComplete = found.completedAt !== null
    // An answer counts until the server's clock has passed the deadline, and no longer.
    const isLate = !isComplete && (now > found.deadline || (joined && client.clock.now() >= request.endsAt))
    if (isResumed || (isComplete && !resumes) || (isLate && unfreeze !== true)) {
      const all = new Map([...refused, ...own.refused].map((one) => [one.reservation.id, one]))
      const sum = (of: 'restored' | 'forgotten') =>
        state.answered.reduce((total, one) => total + one[of], own[of])
      const processes = { ...state, joined, resumed: isResumed }
      return { restored: sum('restored'), refused: [...all.values()], forgotten: sum('forgotten'), processes }
    }
    try {
      const resume = isComplete || isLate ? await lookAtSale(client, paused, options) : undefined
      if (resume && (await request.claim(isLate))) await request.finish(await resume(textsOf(found)))
      else await sleep(tuning.pollMs, client.clock)
    } catch (error) {
      // What all have recovered is lost once more: it is asked again. After the deadline it is not.
      if (!isComplete || !(isLost(error) || isNotFound(error))) throw error
      await request.finish(false)
    }
    options?.signal?.throwIfAborted()
  }
}

function passIfAway(error: unknown): void {
  if (!isAway(error)) throw error
}

/** One request in the engine. While Redis is away, it asks again. */
class Request {
  readonly #client: SaleClient
  readonly #heartbeat: Membership
  readonly #sale: string
  readonly #body: RecoveryBody
  readonly #waitFor: number
  readonly #options: SignalOption | undefined
  readonly endsAt: number
  #id = ''

  constructor(
    client: SaleClient,
    heartbeat: Membership,
    sale: string,
    body: RecoveryBody,
    { waitFor, timeoutMs }: { readonly waitFor: number; readonly timeoutMs: number },
    options: SignalOption | undefined,
  ) {
    this.#client = client
    this.#heartbeat = heartbeat
    this.#sale = sale
    this.#body = body
    this.#waitFor = waitFor
    this.#options = options
    this.endsAt = client.clock.now() + timeoutMs
  }

  /** @returns Whether the same request was there already. */
  async make(): Promise<boolean> {
    const id = randomBytes(9).toString('base64url')
    const { resumes } = this.#body
    const answer = await this.#ask('request', () => ({
      ...{ id, subject: subjectOf(this.#sale), body: JSON.stringify(this.#body), resumes },
      waitFor: this.#waitFor,
      timeoutMs: Math.max(1, Math.ceil(this.endsAt - this.#client.clock.now())),
    }))
    if (answer.status === 'conflict')
      throw invalid(
        'recovery',
        `differs from one that is under way: ${answer.request.body}. Nothing was executed.`,
      )
    if (answer.status !== 'made' && answer.status !== 'joined')
      throw unavailable('Too many requests are kept. Nothing was executed.', new Error(answer.status))
    this.#id = answer.status === 'joined' ? answer.request.id : id
    this.#heartbeat.hurry()
    return answer.status === 'joined'
  }

  /** What became of it, and the server's time. */
  async find(): Promise<{ readonly found: NotedRequest | undefined; readonly now: number }> {
    const { answer, now } = await this.#persist(() => ask(this.#heartbeat.port, 'requests', {}))
    return { found: answer.requests.find(({ id }) => id === this.#id), now }
  }

  processes() {
    return this.#persist(() => readProcesses(this.#heartbeat.port))
  }

  async claim(force: boolean): Promise<boolean> {
    const { process } = this.#heartbeat
    const { status } = await this.#ask('claim', () => ({ id: this.#id, process, force }))
    return status === 'claimed'
  }

  async finish(resumed: boolean): Promise<void> {
    await this.#ask('finish', () => ({ id: this.#id, resumed }))
  }

  #ask<C extends keyof HeartbeatCommands>(
    command: C,
    op: () => HeartbeatCommands[C]['op'],
  ): Promise<Answer<C>> {
    return this.#persist(async () => (await ask(this.#heartbeat.port, command, op())).answer)
  }

  /** Every command can be repeated. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { clock } = this.#client
    for (;;) {
      const call = this.#client.call(this.#options)
      const late = () => unavailable('Redis did not answer in time.', new Error('no answer'))
      try {
        return await withDeadline(work(), call, clock, late)
      } catch (error) {
        if (!isAway(error) || clock.now() >= this.endsAt) throw error
      }
      await sleep(tuning.pollMs, clock)
    }
  }
}
