import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Queue } from '../../src/consumer/queue.js'

export interface Answer {
  readonly status: number
  readonly body: string
  /** The value of a header, by its name in lower case. */
  field(name: string): string | undefined
}

/**
 * Keep-alive connections of HTTP/1.1 to a server of this machine, each with one request at a time.
 * Requests beyond that wait, and their waiting counts for those who time them. A client of Node
 * would need more of the machine than the server that is measured.
 */
export class HttpConnections {
  readonly #port: number
  readonly #all: Set<Connection>
  readonly #free: Connection[]
  readonly #waiting = new Queue<{ text: string; resolve: (answer: Promise<Answer>) => void }>()
  /** Requests that were answered. */
  answered = 0

  private constructor(port: number, all: Connection[]) {
    this.#port = port
    this.#all = new Set(all)
    this.#free = all
  }

  static async open(port: number, count: number): Promise<HttpConnections> {
    return new HttpConnections(
      port,
      await Promise.all(Array.from({ length: count }, () => Connection.open(port))),
    )
  }

  /** Connections that the server has closed. */
  get closed(): number {
    return [...this.#all].filter((connection) => connection.closed).length
  }

  /** @param text The whole request. */
  request(text: string): Promise<Answer> {
    const connection = this.#free.pop()
    if (connection !== undefined) return this.#send(connection, text)
    return new Promise((resolve) => {
      this.#waiting.push({ text, resolve })
    })
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }

  async #send(connection: Connection, text: string): Promise<Answer> {
    let used = connection
    try {
      // A server closes what was idle for long.
      if (connection.closed) used = await this.#replace(connection)
      const answer = await used.request(text)
      this.answered++
      return answer
    } finally {
      this.#release(used)
    }
  }

  async #replace(connection: Connection): Promise<Connection> {
    this.#all.delete(connection)
    const fresh = await Connection.open(this.#port)
    this.#all.add(fresh)
    return fresh
  }

  #release(connection: Connection): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(connection)
    else next.resolve(this.#send(connection, next.text))
  }
}

interface Pending {
  resolve(answer: Answer): void
  reject(error: Error): void
}

class Connection {
  readonly #socket: Socket
  #pending: Pending | undefined
  #received = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    // As many characters as bytes.
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.#pending?.reject(new Error('The server has ended the connection.')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  get closed(): boolean {
    return this.#socket.destroyed
  }

  request(text: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#socket.write(text, 'latin1')
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    this.#received += chunk
    const answer = answerOf(this.#received)
    if (answer === undefined) return
    const pending = this.#pending
    this.#pending = undefined
    this.#received = ''
    pending?.resolve(answer)
  }
}

/**
 * `undefined` while something is missing. Only the answer that was asked for can be in the text.
 *
 * @throws {Error} if the length of the body is not given, which no route of the bench does.
 */
export function answerOf(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const field = (name: string) => {
    const at = head.toLowerCase().indexOf(`\r\n${name}: `)
    if (at < 0) return undefined
    const from = at + name.length + 4
    const to = head.indexOf('\r\n', from)
    return head.slice(from, to < 0 ? undefined : to)
  }
  const length = Number(field('content-length') ?? Number.NaN)
  if (Number.isNaN(length)) throw new Error(`An answer without a length: ${head}`)
  const body = text.slice(end + 4)
  return body.length < length ? undefined : { status: Number(head.slice(9, 12)), body, field }
}
