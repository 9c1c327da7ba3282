import type { Engine } from '../../../src/engine/engine.js'
import { Agenda } from '../../../src/testing/agenda.js'
import { type Fault, Faults, type WorldFault } from './faults.js'
import { Network, type Observer } from './network.js'
import { SimulatedProcess } from './process.js'
import { Random } from './random.js'
import { SimulatedServer } from './server.js'
import { settleTogether } from './settle.js'

/**
 * Processes, a wire and a server, with everything that goes wrong between them; what they talk
 * about is not known here.
 */
export class World {
  readonly agenda = new Agenda(settleTogether())
  readonly random: Random
  readonly faults: Faults
  readonly server = new SimulatedServer(this.agenda)
  readonly network: Network
  readonly processes: SimulatedProcess[] = []
  /** Called when a process has died. */
  onDeath: (process: SimulatedProcess) => void = () => {}
  readonly #observer: Observer

  constructor(seed: number, injected: Map<Fault, number>, observer: (world: World) => Observer) {
    this.random = new Random(seed)
    this.faults = new Faults(this.random.fork(), injected)
    this.#observer = observer(this)
    this.network = new Network({
      agenda: this.agenda,
      server: this.server,
      faults: this.faults,
      random: this.random.fork(),
      observer: this.#observer,
    })
  }

  newProcess(): SimulatedProcess {
    const process = new SimulatedProcess(`p${this.processes.length + 1}`, this.agenda, this.random.fork())
    this.processes.push(process)
    return process
  }

  /** What an engine has beside its partitions, for a handle in this process. */
  around(process: SimulatedProcess): Pick<Engine, 'elapsed' | 'clock' | 'close' | 'sales' | 'rooms'> {
    const unlisted = () => {
      throw new Error('There is no index in this simulation')
    }
    const { timing } = process
    return {
      ...{ elapsed: timing.now, clock: timing, close: async () => {} },
      ...{ sales: unlisted, rooms: unlisted },
    }
  }

  /** Injects faults from time to time until they are stopped. */
  beginFaults(): void {
    const random = this.random.fork()
    this.faults.begin()
    if (this.faults.world.length === 0) return
    const next = () => {
      this.agenda.after(random.whole(20, 700), () => {
        if (!this.faults.on) return
        this.#inject(random.pick(this.faults.world), random)
        next()
      })
    }
    next()
  }

  stopFaults(): void {
    this.faults.stop()
    this.server.comeBack()
  }

  #inject(fault: WorldFault, random: Random): void {
    const process = random.pick(this.processes)
    const ms = random.pick([1, 30, 250, 1_000, 5_000])
    const aims = fault.startsWith('process')
    if (aims && !process.running) return
    this.faults.count(fault)
    this.#observer.note(() => `! ${fault}${aims ? `: ${process.name}` : ''}, ${ms} ms`)
    const { server } = this
    const happen: Record<WorldFault, () => void> = {
      'process dies': () => {
        process.die()
        this.onDeath(process)
      },
      'process stops for a while': () => process.stopFor(ms),
      'process clock leaps': () => process.leap(ms * random.pick([1, 1, 60])),
      'server clock forwards': () => server.setClock(ms * random.pick([1, 1, 10])),
      'server clock backwards': () => server.setClock(-ms * random.pick([1, 1, 10])),
      'server restarts': () => server.goAway(random.whole(1, 40)),
      'server away': () => server.goAway(ms),
      'connections cut': () => server.cutConnections(),
    }
    happen[fault]()
  }
}
