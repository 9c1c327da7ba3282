import { expect, onTestFinished, test } from 'vitest'
import { listProcesses } from '../../../src/heartbeat/processes.js'
import { readCourse } from '../../../src/heartbeat/read-course.js'
import { FlashSale } from '../../../src/index.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { Operations } from '../../../src/operations/operations.js'
import { saleCourse } from '../../../src/sale/course.js'
import { listRecoveries } from '../../../src/sale/recovery/recoveries.js'
import { askHeartbeat } from '../../support/heartbeat.js'
import { askPort } from '../../support/removal.js'

/** What another version, or another program, may have written in place of an object. */
const strange = ['', 'null', '1', '[]', '{}', '{"a":', '"text"', '{"refused":{},"calls":[]}']

function opened() {
  const engine = new MemoryEngine(Date.now, () => 0)
  const ask = <C extends Parameters<typeof askHeartbeat>[1]>(
    command: C,
    op: Parameters<typeof askHeartbeat<C>>[2],
  ) => askHeartbeat({ engine }, command, op)
  return { engine, ask }
}

const figures = {
  ...{ host: 'h', pid: 1, version: '1.0.0', layout: 1, node: 'v20', openForMs: 1.5, rss: 1, openCalls: 0 },
  ...{ calls: { reserve: { reserved: 2 } }, latency: { reserve: { calls: 2, p50Ms: 0.5, p99Ms: 1 } } },
  ...{ sales: { count: 1, ids: ['launch'] }, rooms: { count: 0, ids: [] } },
  answers: [['launch', { reserved: 2 }]],
  inUse: [{ id: 'launch', incarnation: 'x', partitions: 2 }],
  roomsInUse: [{ id: 'door', incarnation: 'y' }],
}

test('figures that this version cannot read are none; what is strange in them is passed over', async () => {
  const { engine, ask } = opened()
  const hostile = [
    { ...figures, host: { toString: 1 } },
    { ...figures, sales: { count: '7', ids: [] } },
    { ...figures, rss: -1 },
  ]
  const texts = [...strange, ...hostile.map((one) => JSON.stringify(one))]
  for (const [i, text] of texts.entries()) await ask('beat', { process: `p${i}`, figures: text })
  expect((await listProcesses(engine)).map((one) => one.figures)).toEqual(texts.map(() => undefined))
  const odd = {
    ...figures,
    calls: { reserve: { reserved: 2, lost: '3' }, strange: 5 },
    latency: { ...figures.latency, other: { calls: 'many' } },
    sales: { count: 3, ids: ['launch', 5, 'x'.repeat(300)] },
    inUse: [null, { id: 'a', incarnation: 'b', partitions: 1e9 }, ...figures.inUse],
    roomsInUse: ['door', { id: 'door' }, ...figures.roomsInUse],
    later: 'a figure of a later version',
  }
  await ask('beat', { process: 'odd', figures: JSON.stringify(odd) })
  const [read] = (await listProcesses(engine)).filter(({ id }) => id === 'odd')
  expect(read!.figures).toEqual({ ...figures, sales: { count: 3, ids: ['launch'] } })
  // The first version that tells figures does not tell what is in use.
  const { inUse: _, roomsInUse: __, answers: ___, ...earlier } = figures
  await ask('beat', { process: 'earlier', figures: JSON.stringify(earlier) })
  const found = (await listProcesses(engine)).find(({ id }) => id === 'earlier')
  expect(found!.figures).toEqual({ ...figures, answers: [], inUse: [], roomsInUse: [] })
})

test('requests and answers of another form are passed over, and name their process', async () => {
  const { engine, ask } = opened()
  const request = { waitFor: 99, timeoutMs: 60_000, resumes: true }
  for (const [i, body] of [...strange, '{"kind":"sale","id":"x","recovers":"tomorrow"}'].entries())
    await ask('request', { ...request, id: `strange ${i}`, subject: `recover:${i}`, body })
  expect(await listRecoveries(engine)).toEqual([])
  const body = JSON.stringify({ kind: 'sale', id: 'launch', recovers: 'replay', resumes: true })
  await ask('request', { ...request, id: 'one', subject: 'recover:launch', body })
  const answer = { id: 'one', done: true, counts: true }
  const reservation = {
    ...{ id: 'r', buyer: 'ann', items: [{ sku: 'a', quantity: 1 }], state: 'held' },
    ...{ key: null, createdAt: 1, expiresAt: 2 },
  }
  const refused = [
    { reason: 'sold_out', reservation },
    { reason: 'whatever', reservation },
    { reason: 'sold_out', reservation: { ...reservation, buyer: 5 } },
    { reason: 'sold_out' },
    7,
  ]
  const told = { restored: 3, forgotten: 0, refusals: 5, refused }
  await ask('answer', { ...answer, process: 'good', text: JSON.stringify(told) })
  for (const [i, text] of [...strange, JSON.stringify({ ...told, restored: '3' })].entries()) {
    await ask('answer', { ...answer, process: `p${i}`, text })
    await ask('beat', { process: `p${i}`, figures: '{}' })
  }
  await ask('answer', { ...answer, process: 'failed', done: false, text: '{"error":"why"}' })
  await ask('beat', { process: 'failed', figures: '{}' })
  const [listed, ...others] = await listRecoveries(engine)
  expect(others).toEqual([])
  expect(listed!.answered).toMatchObject([{ id: 'good', restored: 3, refused: 5 }])
  expect(listed!.lacking).toBe(98)
  const errors = new Set(listed!.missing.map(({ error }) => error))
  expect(errors).toEqual(new Set(['why', 'this version cannot read its answer']))
})

test('points of another form are left out of the course', async () => {
  const { engine, ask } = opened()
  const point = { state: 'open', units: [[1, 0, 0, 0, 1]] }
  const hostile = [
    ...strange,
    '{"state":"odd","units":[]}',
    '{"state":"open","units":[[1]]}',
    '{"state":"open","units":[["<b>",0,0,0,1]]}',
  ]
  for (const text of [JSON.stringify(point), ...hostile]) {
    const subject = `sale:${hostile.indexOf(text)}`
    await ask('offer', { process: 'p', subject, weight: 1 })
    const label = JSON.stringify({ skus: ['a', 5] })
    await ask('append', { process: 'p', subject, incarnation: 'i', label, point: text })
    const { skus, points } = await saleCourse(engine, String(hostile.indexOf(text)))
    expect(skus).toEqual(['a'])
    expect(points).toHaveLength(text === JSON.stringify(point) ? 1 : 0)
  }
  const read = { label: () => undefined, point: () => undefined }
  expect(await readCourse(engine, 'sale', 'none', read)).toEqual({ label: undefined, points: [] })
})

test('an entry of the operations log of another form says at least that something was done', async () => {
  const { engine } = opened()
  const operations = new Operations({ engine })
  onTestFinished(() => operations.close())
  for (const [i, text] of strange.entries())
    await askPort(engine.operationsLog, 'write', { id: `${i}`, begun: text, ended: text })
  const log = await operations.log()
  expect(log).toHaveLength(strange.length)
  for (const entry of log)
    expect(entry).toMatchObject({ by: '?', operation: '?', target: '?', outcome: 'unknown', reason: null })
})

test('a process does not answer a request of a kind that it does not know', async () => {
  const { engine, ask } = opened()
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 1 } })
  const body = JSON.stringify({ kind: 'sale', id: 'launch', recovers: 'tomorrow', resumes: true })
  const request = { id: 'one', subject: 'recover:launch', body, waitFor: 1, timeoutMs: 60_000, resumes: true }
  await ask('request', request)
  await expect
    .poll(async () => {
      const listed = await ask('requests', {})
      return listed.status === 'requests' ? listed.requests[0]!.answers : []
    })
    .toMatchObject([{ done: false, text: expect.stringContaining('does not know') }])
})
