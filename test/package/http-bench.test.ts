import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { answerOf, HttpConnections } from '../../bench/http/connections.js'
import { measure } from '../../bench/http.js'
import { judge } from '../../bench/report/targets.js'
import { benchContext } from '../support/bench-context.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()

/** Correctness only: what is measured on a machine that does other things as well says nothing. */
test('the smallest run of the part http: all invariants hold, and every target is measured', async () => {
  const { invariants, figures, tables } = await measure(benchContext(redis), { rounds: 1, requests: 40 })
  expect(invariants.length).toBeGreaterThan(5)
  expect(invariants.filter(({ holds }) => !holds)).toEqual([])
  const judged = judge(new Map(figures.map((figure) => [figure.id, figure])))
  expect(judged.filter(({ verdict }) => verdict !== 'not measured')).toHaveLength(8)
  expect(tables[0]?.rows).toHaveLength(10)
})

test('a connection that the server has closed is opened again', async () => {
  const server = createServer((_, response) => response.end('{}'))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const connections = await HttpConnections.open((server.address() as AddressInfo).port, 1)
  onTestFinished(() => {
    connections.close()
    server.close()
  })
  const ask = () => connections.request('GET / HTTP/1.1\r\nhost: bench\r\n\r\n')
  expect((await ask()).status).toBe(200)
  server.closeAllConnections()
  await expect.poll(() => connections.closed).toBe(1)
  expect((await ask()).body).toBe('{}')
  expect(connections.answered).toBe(2)
})

test('an answer is read when all of it has arrived', () => {
  const text = 'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}'
  for (let length = 0; length < text.length; length++) expect(answerOf(text.slice(0, length))).toBeUndefined()
  const answer = answerOf(text)
  expect(answer).toMatchObject({ status: 201, body: '{}' })
  expect(answer?.field('content-type')).toBe('application/json')
  expect(answer?.field('type')).toBeUndefined()
  expect(() => answerOf('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')).toThrow('without a length')
})
