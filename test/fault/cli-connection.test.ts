import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { stockhold } from '../support/cli.js'
import { OwnRedis } from '../support/own-redis.js'
import { CERTIFICATE, CERTIFICATE_KEY } from './support/certificate.js'

const redis = new OwnRedis()

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** Answers as a Sentinel does that watches `mymaster`. */
function sentinel(): Server {
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
  const master = `*2\r\n${bulk('127.0.0.1')}${bulk(String(redis.server.port))}`
  return createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (const command of String(data)
        .toLowerCase()
        .split(/(?=\*\d+\r\n)/)) {
        if (command.includes('get-master-addr-by-name'))
          socket.write(command.endsWith('\r\nmymaster\r\n') ? master : '*-1\r\n')
        else socket.write(command.includes('\r\nsentinels\r\n') ? '*0\r\n' : '+OK\r\n')
      }
    })
  })
}

test('by Sentinels: the first answers, and knows the master', async () => {
  const urls = ['--redis', 'redis://127.0.0.1:1', '--redis', `redis://127.0.0.1:${await portOf(sentinel())}`]
  const ran = await stockhold(['list', ...urls, '--sentinel', 'mymaster'])
  expect(ran).toEqual({ code: 0, errors: '', out: expect.stringContaining('There is no sale') })
})

test('by TLS: with the authority it is trusted, and without it refused', async () => {
  const server = createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (socket) => {
    const to = connect(redis.server.port, '127.0.0.1')
    for (const end of [socket, to]) end.on('error', () => {})
    socket.pipe(to).pipe(socket)
  })
  server.on('tlsClientError', () => {})
  const url = `rediss://localhost:${await portOf(server)}`
  const folder = await mkdtemp(join(tmpdir(), 'stockhold-ca-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'ca.pem'), CERTIFICATE)
  const trusted = await stockhold(['list', '--ca', join(folder, 'ca.pem')], { env: { REDIS_URL: url } })
  expect(trusted).toEqual({ code: 0, errors: '', out: expect.stringContaining('There is no sale') })
  const refused = await stockhold(['list', '--redis', url])
  expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining('self-signed certificate') })
})

test('on a Cluster: a sale over all masters is shown, changed, audited and logged', async () => {
  const cluster = await startCluster({ replicas: 0 })
  onTestFinished(() => cluster.stop())
  const client = cluster.client()
  onTestFinished(() => void client.disconnect())
  const engine = redisEngine(client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
  await sale.create({ stock: { a: 30 }, partitions: 6 })
  await sale.close()
  const on = (...args: string[]) =>
    stockhold([...args, '--cluster'], { env: { REDIS_URL: cluster.nodes[0]!.server.url } })
  expect((await on('list')).out).toMatch(/^sale +launch +open +6 /m)
  expect((await on('restock', 'launch', 'a', '5')).out).toBe('5 units of a added.\n')
  expect((await on('pause', 'launch')).out).toBe('sale:launch: paused.\n')
  expect((await on('show', 'launch')).out).toMatch(/^a +35 +0 +0 +35$/m)
  expect((await on('audit', 'launch')).code).toBe(0)
  expect(JSON.parse((await on('log', '--json')).out)).toMatchObject([
    { operation: 'pause', outcome: 'done' },
    { operation: 'restock', outcome: 'done' },
  ])
  const doctor = JSON.parse((await on('doctor', '--json')).out)
  expect(doctor.servers).toHaveLength(4)
  for (const { findings } of doctor.servers.slice(0, 3))
    expect(findings).toContainEqual(expect.objectContaining({ check: 'rights', state: 'ok' }))
  expect(doctor.servers[3]).toMatchObject({
    server: 'all masters',
    findings: [{ check: 'clock', state: 'ok' }],
  })
  const without = await stockhold(['list'], { env: { REDIS_URL: cluster.nodes[0]!.server.url } })
  expect(without).toMatchObject({ code: 2, errors: expect.stringContaining('say --cluster') })
})
