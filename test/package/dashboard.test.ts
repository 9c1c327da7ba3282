/** The dashboard asks for metrics and labels that a service exports, and for all of them. */
import { channel } from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import {
  type ConsumerMessage,
  FlashSale,
  type LedgerMessage,
  memoryEngine,
  StockholdError,
  WaitingRoom,
} from '../../src/index.js'
import { Scraped } from '../support/metrics.js'
import { chapter, root } from './chapters.js'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard = JSON.parse(await readFile(`${root}scripts/grafana/stockhold.json`, 'utf8')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] }
}
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? [])
const queries = [...targets.map(({ expr }) => expr), JSON.stringify(dashboard.templating.list)]

/** Everything that can be told, by a service that does a little of everything. */
async function exported() {
  const engine = memoryEngine()
  const metrics = await Scraped.open({ engine })
  const sale = new FlashSale('launch', { engine })
  await sale.create({ stock: { a: 2 } })
  const room = new WaitingRoom('door', { engine, ratePerSecond: 5, secret: 's'.repeat(32) })
  await room.create()
  await room.stats()
  await sale.confirm('').catch(() => {})
  const consumer = sale.consume({ group: 'g' }, () => {})
  await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
  await expect.poll(async () => (await consumer.stats()).handled).toBe(1)
  const [of, error] = [{ sale: 'launch', partition: 0 }, new StockholdError('UNAVAILABLE', 'away')]
  const ledger = (message: LedgerMessage) => channel('stockhold:ledger').publish(message)
  ledger({ ...of, type: 'written', events: 1, lost: 0, durationMs: 1, position: 1, latest: 1, lag: 0 })
  ledger({ ...of, type: 'failed', error })
  const lost: ConsumerMessage = { ...of, group: 'g', type: 'lost', events: 1 }
  channel('stockhold:consumer').publish(lost)
  channel('stockhold:connection').publish({ state: 'ready', server: null, error: null })
  await metrics.samples()
  await consumer.close()
  await engine.close()
  // This reading fails.
  return metrics.samples()
}

test('every metric and every label of the dashboard is exported, and every metric is shown', async () => {
  const samples = await exported()
  const labels = new Map<string, Set<string>>()
  for (const { name, labels: given } of samples)
    labels.set(name, new Set([...(labels.get(name) ?? []), ...Object.keys(given)]))
  for (const query of queries) {
    const named = query.match(/stockhold_\w+/g) ?? []
    const metrics = named.filter((name) => labels.has(name))
    expect(metrics, query).not.toEqual([])
    const known = new Set(metrics.flatMap((name) => [...labels.get(name)!]))
    const others = [...named, ...(query.match(/error_type/g) ?? [])].filter((name) => !labels.has(name))
    expect(
      others.filter((name) => !known.has(name)),
      query,
    ).toEqual([])
  }
  const family = (name: string) => name.replace(/_(bucket|sum|count)$/, '')
  const shown = new Set(queries.flatMap((query) => query.match(/stockhold_\w+/g) ?? []).map(family))
  expect([...new Set([...labels.keys()].map(family))].filter((name) => !shown.has(name))).toEqual([])
})

test('a legend names labels that its query leaves', () => {
  for (const { expr, legendFormat } of targets) {
    const left = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names]) => names!.split(', '))
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(left, expr).toContain(label)
  }
})

test('panels have their own place and number, and say what they show', () => {
  const { panels } = dashboard
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  for (const { type, title, description } of panels)
    if (type !== 'row') expect(description, title).toMatch(/\.$/)
})

test('the chapter lists every metric', async () => {
  const { text } = chapter('src/telemetry/README.md')
  const listed = new Set(
    [...text.matchAll(/`(stockhold\.[\w.]+)`/g)].map(([, name]) => name!.replaceAll('.', '_')),
  )
  const names = (await exported()).map(({ name }) => name.replace(/_(bucket|sum|count|total)$/, ''))
  const isListed = (name: string) => listed.has(name) || listed.has(`${name}_count`)
  expect([...new Set(names)].filter((name) => !isListed(name))).toEqual([])
})
