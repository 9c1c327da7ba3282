import { indexEffects } from '../engine/effects.js'
import type { Engine } from '../engine/engine.js'
import type { IndexCommands, IndexedIncarnation } from '../engine/sale-index.js'
import { BatcherSet, type CallOptions } from './batcher-set.js'
import { Session } from './session.js'

type Answer<C extends keyof IndexCommands> = Exclude<IndexCommands[C]['answer'], { status: 'retry' }>

/** What a handle asks the index of its engine about its sale or room. */
export class IndexClient {
  readonly #batchers: BatcherSet<IndexCommands>
  readonly #subject: Pick<IndexedIncarnation, 'kind' | 'name'>

  private constructor(
    engine: Engine,
    port: NonNullable<Engine['lifecycle']>['index'],
    subject: Pick<IndexedIncarnation, 'kind' | 'name'>,
  ) {
    const gate = { max: Number.POSITIVE_INFINITY, open: 0 }
    this.#batchers = new BatcherSet(port, indexEffects, new Session('the index of sales', gate, engine.clock))
    this.#subject = subject
  }

  /** `undefined` for an engine without an index. */
  static of(engine: Engine, subject: Pick<IndexedIncarnation, 'kind' | 'name'>): IndexClient | undefined {
    return engine.lifecycle && new IndexClient(engine, engine.lifecycle.index, subject)
  }

  /**
   * Makes an incarnation known.
   *
   * @param given `attempts`: begins an attempt to remove it. `retains`: it has a `retainMs`.
   */
  register(
    incarnation: string,
    partitions: number,
    call: CallOptions,
    { attempts = false, retains = false }: { attempts?: boolean; retains?: boolean } = {},
  ): Promise<Answer<'register'>> {
    const op = { ...this.#subject, incarnation, partitions, attempts, retains }
    return this.#batchers.ask('register', op, call, (answer) => answer)
  }

  find(incarnation: string, call: CallOptions): Promise<Answer<'find'>> {
    return this.#batchers.ask('find', { incarnation }, call, (answer) => answer)
  }

  /** What the index knows of an incarnation that was removed; `undefined`: it was not. */
  async findRemoved(incarnation: string, call: CallOptions) {
    const indexed = await this.find(incarnation, call)
    return indexed.status === 'found' && indexed.state !== 'live' ? indexed : undefined
  }

  /** Whether the attempt was the latest, so that the incarnation is being removed. */
  commit(incarnation: string, attempt: number, call: CallOptions): Promise<boolean> {
    return this.#batchers.ask(
      'commit',
      { incarnation, attempt },
      call,
      ({ status }) => status === 'committed',
    )
  }

  async finish(incarnation: string, partitions: number, call: CallOptions): Promise<void> {
    const op = { ...this.#subject, incarnation, partitions }
    await this.#batchers.ask('finish', op, call, () => {})
  }
}
