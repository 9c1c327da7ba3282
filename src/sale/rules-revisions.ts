import type { CallOptions } from '../batching/batcher-set.js'
import type { PresentRules } from '../engine/engine.js'
import { changeAll, readAll } from './fan-out.js'
import type { Parts } from './partitions.js'
import { applyUpdate, type CheckedUpdate, type UpdateResult } from './rules-update.js'

export function readRules(parts: Parts, partition: number, call: CallOptions): Promise<PresentRules> {
  return parts.ask(partition, 'describe', {}, call, ({ present }) => present)
}

/** Has a partition adopt rules that are in force elsewhere; it keeps newer ones. */
export async function adoptRules(
  parts: Parts,
  partition: number,
  { revision, rules }: PresentRules,
  call: CallOptions,
): Promise<void> {
  const op = { revision, after: null, rules, changes: null, everywhere: false }
  await parts.ask(partition, 'update', op, call, () => {})
}

/** Has all other partitions adopt the rules of partition 0, and notes there that they have. */
export async function spreadRules(parts: Parts, present: PresentRules, call: CallOptions): Promise<void> {
  await changeAll(parts.count, async (index) => {
    if (index > 0) await adoptRules(parts, index, present, call)
  })
  const { revision, rules } = present
  const op = { revision, after: null, rules, changes: null, everywhere: true }
  await parts.ask(0, 'update', op, call, () => {})
}

/**
 * The rules in force, in partition 0. If it came back with older ones than another partition has,
 * and no process knows better, it adopts those of the other.
 *
 * @param revisions The latest revision of partitions that have answered.
 */
export async function latestRules(
  parts: Parts,
  first: PresentRules,
  revisions: Iterable<readonly [partition: number, revision: number]>,
  call: CallOptions,
): Promise<PresentRules> {
  let newest: readonly [partition: number, revision: number] = [0, first.revision]
  for (const one of revisions) if (one[1] > newest[1]) newest = one
  if (newest[0] === 0) return first
  const present = await readRules(parts, newest[0], call)
  if (present.revision <= first.revision) return first
  await adoptRules(parts, 0, present, call)
  return { ...present, everywhere: false }
}

/**
 * Updates the rules: partition 0 decides, and the others adopt its rules. An update that another
 * process has left half done is completed first.
 *
 * @returns The result, and the rules in force afterwards.
 */
export async function updateRules(
  parts: Parts,
  update: CheckedUpdate,
  call: CallOptions,
): Promise<UpdateResult & { readonly present: PresentRules }> {
  // Each reply carries the revision of its partition.
  await readAll(parts.count, (index) => parts.ask(index, 'sweep', {}, call, () => {}))
  for (;;) {
    const revisions = Array.from(
      { length: parts.count },
      (_, i) => [i, parts.session(i).history.revision] as const,
    )
    const present = await latestRules(parts, await readRules(parts, 0, call), revisions, call)
    const updated = applyUpdate(present.rules, update)
    if (!updated) {
      if (!present.everywhere) await spreadRules(parts, present, call)
      return { revision: present.revision, replayed: true, present }
    }
    const { rules, changes } = updated
    const revision = present.revision + 1
    const op = { revision, after: present.revision, rules, changes, everywhere: parts.count === 1 }
    const status = await parts.ask(0, 'update', op, call, (answer) => answer.status)
    // Another update came first.
    if (status === 'outdated') continue
    const next = { revision, rules, everywhere: true }
    if (parts.count > 1) await spreadRules(parts, next, call)
    return { revision, replayed: status === 'unchanged', present: next }
  }
}
