import { expect, onTestFinished } from 'vitest'
import type { Told } from '../../src/control-room/view.js'
import { type ControlRoom, type ControlRoomOptions, controlRoom } from '../../src/control-room.js'
import type { Engine } from '../../src/engine/engine.js'
import type { ServerFigures } from '../../src/engine/servers.js'

const BASE = 'http://shop.test/admin/control/'

/** What a page of the same origin sends with an operation. */
export const OWN_HEADERS = { 'content-type': 'application/json', 'stockhold-control-room': '1' }

// biome-ignore lint/suspicious/noExplicitAny: each route has a body of its own.
export function jsonOf(response: Response): Promise<any> {
  return response.json()
}

/** What a server tells of itself: nothing is the matter with it. */
export function figuresOfServer(rest: Partial<ServerFigures> = {}): ServerFigures {
  return {
    ...{ version: 'Redis 7.2.4', usedMemory: 200, maxMemory: 1_000, machineMemory: 4_000 },
    ...{ policy: 'noeviction', cpuSeconds: 1, clients: 10, maxClients: 10_000 },
    ...{ replicas: [], replicaCount: rest.replicas?.length ?? 0, ...rest },
  }
}

/** A control room without a network. */
export class TestRoom {
  readonly errors: unknown[] = []
  readonly handle: ControlRoom

  constructor(engine: Engine, options: Partial<ControlRoomOptions> = {}) {
    this.handle = controlRoom({
      engine,
      authorize: () => ({ role: 'operate', name: 'ann' }),
      onError: (error) => this.errors.push(error),
      ...options,
    })
    onTestFinished(() => this.handle.close())
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.handle(new Request(BASE + path, init))
  }

  operate(body: unknown, headers: Record<string, string> = OWN_HEADERS): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return this.fetch('operations', { method: 'POST', headers, body: text })
  }

  async snapshot(): Promise<Told> {
    return jsonOf(await this.fetch('snapshot'))
  }

  /** Opens a live page. */
  async watch(headers: Record<string, string> = {}): Promise<Viewer> {
    const response = await this.fetch('events', { headers })
    expect(response.status).toBe(200)
    return new Viewer(response)
  }
}

export interface Heard {
  readonly id: string
  readonly told: Told
}

/** The page of one viewer. */
export class Viewer {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly heard: Heard[] = []
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>

  constructor(response: Response) {
    this.#reader = response.body!.getReader()
    this.ended = this.#listen()
  }

  get last(): Heard {
    return this.heard.at(-1)!
  }

  async leave(): Promise<void> {
    await this.#reader.cancel()
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) {
        const [, id, data] = /^id: (.*)\ndata: (.*)$/s.exec(block) ?? []
        if (id !== undefined) this.heard.push({ id, told: JSON.parse(data!) })
      }
    }
  }
}
