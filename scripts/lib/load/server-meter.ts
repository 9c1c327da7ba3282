import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'

export interface Reading {
  /**
   * CPU seconds of the thread that runs the commands, or of the whole server if it does not count
   * that thread apart.
   */
  readonly cpu: number
  /** Bytes in use, by the server's own count. */
  readonly memory: number
  /** Calls of scripts and functions served. */
  readonly calls: number
  /** µs of the server in these calls, by its own count for each command. */
  readonly scriptTime: number
}

/** Of the section `commandstats` of INFO. */
export interface CommandUse {
  readonly calls: number
  /** µs of the server. */
  readonly time: number
}

/** What the server spent on commands of these names together, since it began. */
export function commandUse(info: string, ...names: readonly string[]): CommandUse {
  const found = info.matchAll(new RegExp(`^cmdstat_(?:${names.join('|')}):calls=(\\d+),usec=(\\d+)`, 'gm'))
  const sum = { calls: 0, time: 0 }
  for (const [, calls, time] of found) {
    sum.calls += Number(calls)
    sum.time += Number(time)
  }
  return sum
}

/** Reads what a server has used, over a connection of its own. */
export class ServerMeter {
  readonly client: Redis

  constructor(url: string) {
    this.client = new Redis(url)
  }

  async read(): Promise<Reading> {
    const text = await this.client.info('cpu', 'memory', 'commandstats')
    const field = (name: string) =>
      Number(new RegExp(`^${name}[:=]([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN)
    const cpu = (kind: string) => {
      const ofMain = field(`used_cpu_${kind}_main_thread`)
      return Number.isNaN(ofMain) ? field(`used_cpu_${kind}`) : ofMain
    }
    const { calls, time } = commandUse(text, 'evalsha', 'evalsha_ro', 'fcall', 'fcall_ro')
    return {
      cpu: cpu('user') + cpu('sys'),
      memory: field('used_memory'),
      calls,
      scriptTime: time,
    }
  }

  /** Waits until the server has freed the deleted keys, which it does in the background. */
  async settled(): Promise<void> {
    while (/^lazyfree_pending_objects:[1-9]/m.test(await this.client.info('memory'))) await delay(50)
  }

  close(): void {
    this.client.disconnect()
  }
}
