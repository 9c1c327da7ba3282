/** An application server of the part `http`, as a process: a shop, on one framework at a time. */
import { type Invariant, Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale } from '../../scripts/lib/load/sale.js'
import { redisEngine, WaitingRoom } from '../../src/index.js'
import { serveTasks } from '../load/task-process.js'
import { type Served, type Site, serveSite } from './frameworks.js'
import { PlainShop, PostgresShop } from './hand-written.js'
import type { Framework, HandWritten, Scene, ShopName, Told } from './shop.js'

export interface ServerSetting {
  readonly shop: ShopName
  /** Of Redis. */
  readonly url: string
  readonly prefix: string
  /** The URL of PostgreSQL, for its shop. */
  readonly postgres: string | undefined
}

export type ServerTask =
  /** Answers the port. */
  | {
      readonly type: 'open'
      readonly framework: Framework
      readonly scene: Scene
      readonly name: string
    }
  /** Answers the CPU time of this process since it began, in µs. */
  | { readonly type: 'cpu' }
  /** Compares what is stored with what the visitors were told. */
  | { readonly type: 'close'; readonly told: Told; readonly audit: boolean }

export interface ServerAnswer {
  readonly value: number
  readonly invariants: readonly Invariant[]
}

/** A shop that is open. */
interface Opened {
  readonly served: Served
  finish(told: Told, invariants: Invariants, audit: boolean): Promise<void>
}

serveTasks<ServerSetting, ServerTask, ServerAnswer>((setting) => {
  const open = openerOf(setting)
  let opened: Opened
  let site: Site

  return async (task) => {
    const invariants = new Invariants()
    return { value: await carryOut(task, invariants), invariants: invariants.list() }
  }

  async function carryOut(task: ServerTask, invariants: Invariants): Promise<number> {
    if (task.type === 'open') {
      opened = await open(task.scene, task.name)
      site = await serveSite(task.framework, opened.served)
      return site.port
    }
    if (task.type === 'close') {
      await site.close()
      await opened.finish(task.told, invariants, task.audit)
    }
    const { user, system } = process.cpuUsage()
    return user + system
  }
})

function openerOf({ shop, url, prefix, postgres }: ServerSetting) {
  switch (shop) {
    case 'empty':
      return async (): Promise<Opened> => ({ served: { kind: 'empty' }, finish: async () => {} })
    case 'stockhold':
      return ofTheLibrary(url, prefix)
    case 'plain':
      return byHand(new PlainShop(url, prefix))
    case 'postgres':
      return byHand(new PostgresShop(postgres!))
  }
}

function byHand(shop: HandWritten) {
  return async (_scene: Scene, name: string): Promise<Opened> => {
    await shop.open(name)
    return {
      served: { kind: 'hand-written', shop },
      finish: (told, invariants) => shop.finish(told, invariants),
    }
  }
}

const SECRET = 'a secret of thirty-two bytes, or more'
/** `queue`: one visitor a second is admitted, so that the others wait while they are measured. */
const RATES = { queue: 1, way: 1_000_000 }

function ofTheLibrary(url: string, prefix: string) {
  const engine = redisEngine(url, { prefix })
  return async (scene: Scene, name: string): Promise<Opened> => {
    const ratePerSecond = scene === 'queue' || scene === 'way' ? RATES[scene] : undefined
    const room =
      ratePerSecond === undefined
        ? undefined
        : new WaitingRoom(name, { engine, secret: SECRET, ratePerSecond, sale: name, deadlineMs: 60_000 })
    const sale = await BenchSale.open(engine, name, {}, { waitingRoom: room })
    await room?.create()
    const verify = async (request: Request) => {
      const { reservation, payment } = (await request.json()) as { reservation: string; payment: string }
      return { reservationId: reservation, paymentId: payment }
    }
    const options = {
      sale: sale.sale,
      room,
      webhook: { verify },
      onError: (error: unknown) => console.error(error),
    }
    return {
      served: { kind: 'sale', options },
      async finish({ joined, reserved, confirmed }, invariants, audit) {
        if (room) {
          const { waiting, admitted } = await room.stats()
          invariants.check(
            'every visitor who joined waits or was admitted',
            waiting + admitted === joined && (scene === 'queue' || admitted === reserved),
            `${name}: ${waiting} wait, ${admitted} admitted; ${joined} joined, ${reserved} reserved`,
          )
        }
        sale.held = reserved - confirmed
        sale.confirmed = confirmed
        await sale.finish(invariants, { audit })
        await room?.close()
      },
    }
  }
}
