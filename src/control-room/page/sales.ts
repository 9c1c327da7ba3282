import type { GroupView, SaleView, SkuView, View } from '../view.js'
import { answerTable } from './answers.js'
import { coursePlace } from './courses.js'
import { h } from './dom.js'
import { number, perSecond, span, time } from './format.js'
import { deadLetterForms, type Form, saleForms } from './operations.js'
import { buttons, card, facts, table } from './parts.js'
import { recoveryBlock } from './recovery.js'

/** Redis has lost changes of the sale, or the sale. */
export function isBroken({ state }: Pick<SaleView, 'state'>): boolean {
  return state === 'frozen' || state === 'lost'
}

/** What can be done to a sale now. */
export function formsOf({ state, skus }: SaleView, { hasLedger, processes }: View): readonly Form[] {
  const present = processes.filter(({ isPresent }) => isPresent).length
  const names = skus?.map(({ sku }) => sku) ?? []
  return saleForms({ state, skus: names, hasLedger, processes: present })
}

export function saleCard(sale: SaleView, now: number, view: View): HTMLElement {
  const { id, rules, skus, answers, groups } = sale
  const target = `sale:${id}`
  return card(
    'Sale',
    target,
    sale,
    rules && h('p', { class: 'quiet' }, ruleText(rules, now)),
    skus && skus.length > 1 && totals(skus),
    !isBroken(sale) && recoveryBlock(sale.recovery, target),
    coursePlace(target),
    skus && h('div', { class: 'skus' }, skus.map(skuBlock)),
    answersBlock(answers, target),
    groups && groups.length > 0 && groupTable(groups, target),
    groups?.filter(({ dead }) => dead > 0).map(({ group }) => buttons(deadLetterForms(group), target)),
    buttons(formsOf(sale, view), target),
  )
}

function ruleText(rules: NonNullable<SaleView['rules']>, now: number): string {
  const { opensAt, closesAt, limitPerBuyer, holdMs, partitions, revision } = rules
  const relative = (at: number) => (at > now ? ` (in ${span((at - now) / 1_000)})` : '')
  const texts = [
    opensAt === null ? undefined : `opens ${time(opensAt)}${relative(opensAt)}`,
    closesAt === null ? undefined : `closes ${time(closesAt)}${relative(closesAt)}`,
    typeof limitPerBuyer === 'number' ? `${number(limitPerBuyer)} per buyer` : undefined,
    limitPerBuyer !== null && typeof limitPerBuyer === 'object' ? 'limits per SKU' : undefined,
    `hold ${span(holdMs / 1_000)}`,
    partitions > 1 ? `${partitions} partitions` : undefined,
    revision > 0 ? `rules changed ${number(revision)} ×` : undefined,
  ]
  return texts.filter((text) => text !== undefined).join(' · ')
}

/** All SKUs together. */
function totals(skus: readonly SkuView[]): HTMLElement {
  const sum = (of: (sku: SkuView) => number) => number(skus.reduce((total, sku) => total + of(sku), 0))
  return facts([
    ['available', sum(({ available }) => available)],
    ['held', sum(({ held }) => held)],
    ['confirmed', sum(({ confirmed }) => confirmed)],
    ['total', sum(({ total }) => total)],
  ])
}

function skuBlock(counts: SkuView): HTMLElement {
  const { sku, total, available, held, confirmed, inTransit, owed, takenPerSecond } = counts
  const isSelling = takenPerSecond !== null && takenPerSecond > 0
  const entries: [string, string][] = [
    ['available', number(available)],
    ['held', number(held)],
    ['confirmed', number(confirmed)],
    ['total', number(total)],
    ['taken', perSecond(takenPerSecond)],
    ['sold out in', available === 0 ? 'sold out' : isSelling ? span(available / takenPerSecond) : '–'],
  ]
  if (inTransit > 0) entries.push(['in transit', number(inTransit)])
  if (owed !== undefined) entries.push(['owed', number(owed)])
  return h(
    'div',
    { class: 'sku', 'data-key': sku },
    h('h3', { class: 'id' }, sku),
    unitsBar(counts),
    facts(entries),
  )
}

/** The figures beside it say the same: a screen reader passes over it. */
function unitsBar({ total, available, held, confirmed }: SkuView): HTMLElement {
  const part = (name: string, units: number) =>
    h('span', { class: `part ${name}`, 'data-key': name, 'data-share': total === 0 ? 0 : units / total })
  return h(
    'div',
    { class: 'bar', 'aria-hidden': 'true' },
    part('confirmed', confirmed),
    part('held', held),
    part('available', available),
  )
}

function answersBlock(answers: SaleView['answers'], target: string): HTMLElement | null {
  const counts = answerTable(`Answers to reserve of ${target}`, answers)
  return counts && h('div', { 'data-key': 'answers' }, h('h3', {}, 'Answers to reserve'), counts)
}

function groupTable(groups: readonly GroupView[], target: string): HTMLElement {
  const columns = [
    { title: 'Consumer group' },
    ...['Lag', 'Parked', 'Dead letters', 'Consumers'].map((title) => ({ title, isNumber: true })),
  ]
  return table(
    `Consumer groups of ${target}`,
    columns,
    groups.map(({ group, lag, parked, dead, consumers }) => ({
      key: group,
      cells: [h('span', { class: 'id' }, group), ...[lag, parked, dead, consumers].map(number)],
    })),
  )
}
