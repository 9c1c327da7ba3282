import { type AddressInfo, createServer, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type HttpRequest, httpAnswer } from '../../../scripts/load/http.js'
import { Meter } from '../../../scripts/load/meter.js'

const get: HttpRequest = { method: 'GET', headers: {}, body: null, signal: null }

/** A server that writes what it is told to, and the paths that it was asked for. */
async function serve(answer: (path: string, socket: Socket) => void) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const path = data.toString().split(' ')[1]!
      asked.push(path)
      answer(path, socket)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const whole = (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')

test('a request whose connection breaks while its body arrives is not sent again', async () => {
  let broken: Socket | undefined
  const { url, asked } = await serve((path, socket) => {
    if (path !== '/broken') return whole(socket)
    broken = socket
    return socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{')
  })
  await (await httpAnswer(`${url}/first`, get)).json()
  const answer = await httpAnswer(`${url}/broken`, get)
  broken!.resetAndDestroy()
  await expect(answer.json()).rejects.toMatchObject({ code: 'ECONNRESET' })
  await (await httpAnswer(`${url}/last`, get)).json()
  expect(asked).toEqual(['/first', '/broken', '/last'])
})

test('a request is sent again if its connection was closed at the moment in which it was used again', async () => {
  let breaks = true
  const { url, asked } = await serve((path, socket) => {
    if (path === '/again' && breaks) {
      breaks = false
      socket.resetAndDestroy()
    } else whole(socket)
  })
  await (await httpAnswer(`${url}/first`, get)).json()
  expect((await httpAnswer(`${url}/again`, get)).status).toBe(200)
  expect(asked).toEqual(['/first', '/again', '/again'])
})

/** A meter whose time passes as the test tells. */
function metered() {
  let now = 0
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => clock.mockRestore())
  const meter = new Meter()
  const send = (signal: AbortSignal | null = null) => {
    let resolve!: (answer: { status: number }) => void
    let reject!: (error: Error) => void
    const answer = new Promise<{ status: number }>((...ends) => {
      ;[resolve, reject] = ends
    })
    return { resolve, reject, timed: meter.time('GET /sale', () => answer, signal).catch(() => {}) }
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { meter, send, pass }
}

test('a shop owes no answer to a visitor who has given up the request', async () => {
  const { meter, send, pass } = metered()
  const left = new AbortController()
  const given = send(left.signal)
  pass(3_000)
  expect(meter.silentMs).toBe(3_000)
  left.abort()
  given.reject(left.signal.reason)
  await given.timed
  pass(60_000)
  expect(meter.silentMs).toBe(0)
  send()
  pass(1_000)
  expect(meter.silentMs).toBe(1_000)
  expect(meter.faults).toBe(0)
})

test('a shop that refuses every connection goes on to be silent', async () => {
  const { meter, send, pass } = metered()
  for (let i = 0; i < 3; i++) {
    const refused = send()
    refused.reject(new Error('connect ECONNREFUSED'))
    await refused.timed
    pass(1_000)
  }
  expect(meter.silentMs).toBe(3_000)
  const answered = send()
  answered.resolve({ status: 200 })
  await answered.timed
  expect([meter.silentMs, meter.faults]).toEqual([0, 3])
})
