import type { SaleRules } from '../../src/sale/rules.js'
import type { RulesUpdate } from '../../src/sale/rules-update.js'
import { describeCall as describeStoryCall, type StoryCall } from '../../src/testing/call.js'

export { type Answer, describeAnswer, ShortIds } from '../../src/testing/call.js'

/** A call of the public surface, in the terms of its caller. */
export type Call =
  | StoryCall
  | { readonly do: 'create'; readonly rules: SaleRules }
  | { readonly do: 'extend'; readonly id: string; readonly holdMs: number }
  | { readonly do: 'get'; readonly id: string }
  /** A page of the buyer's reservations: those before `id`, or all. */
  | { readonly do: 'list'; readonly buyer: string; readonly id: string | null; readonly limit: number }
  | { readonly do: 'control'; readonly action: 'pause' | 'resume' | 'end' }
  | { readonly do: 'update'; readonly update: RulesUpdate }
  | { readonly do: 'destroy'; readonly force: boolean }
  | { readonly do: 'stats' }

/** For example `extend(r1, 100 ms)`. */
export function describeCall(call: Call): string {
  switch (call.do) {
    case 'create':
      return `create(${JSON.stringify(call.rules)})`
    case 'extend':
      return `extend(${call.id}, ${call.holdMs} ms)`
    case 'get':
      return `get(${call.id})`
    case 'list':
      return `reservationsOf(${call.buyer}, ${call.limit} before ${call.id})`
    case 'update':
      return `update(${JSON.stringify(call.update)})`
    case 'control':
      return `${call.action}()`
    case 'destroy':
      return `destroy(${call.force ? 'force' : ''})`
    case 'stats':
      return 'stats()'
    default:
      return describeStoryCall(call)
  }
}
