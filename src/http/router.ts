import { ROUTES, type RouteName } from './routes.js'

/** The routes of one path: `GET`, `POST`, ... by the name of the route. */
export type PathRoutes = ReadonlyMap<string, RouteName>

/** Where a path leads: its routes, and the reservation it names. */
export interface Match {
  readonly routes: PathRoutes
  readonly id: string
}

/**
 * Finds the routes of a path in the table.
 *
 * @param served The routes that there are: without a waiting room there is no queue.
 */
export class Router {
  readonly #fixed = new Map<string, Match>()
  /** By what stands behind the id: '' or `/extension`. */
  readonly #ofReservation = new Map<string, PathRoutes>()

  constructor(served: (name: RouteName) => boolean) {
    for (const [name, { method, path }] of Object.entries(ROUTES)) {
      if (!served(name as RouteName)) continue
      const [fixed, rest] = path.split('/:id')
      const known = rest === undefined ? this.#fixed.get(path)?.routes : this.#ofReservation.get(rest)
      const routes = new Map([...(known ?? []), [method, name as RouteName]])
      if (rest === undefined) this.#fixed.set(fixed!, { routes, id: '' })
      else this.#ofReservation.set(rest, routes)
    }
  }

  find(path: string): Match | undefined {
    const fixed = this.#fixed.get(path)
    if (fixed !== undefined || !path.startsWith(RESERVATIONS)) return fixed
    const end = path.indexOf('/', RESERVATIONS.length)
    const id = end < 0 ? path.slice(RESERVATIONS.length) : path.slice(RESERVATIONS.length, end)
    const routes = id === '' ? undefined : this.#ofReservation.get(end < 0 ? '' : path.slice(end))
    return routes && { routes, id }
  }
}

const RESERVATIONS = '/reservations/'

/** For the header `Allow`. */
export function methodsOf(routes: PathRoutes): string {
  const methods = [...routes.keys()]
  return [...methods, ...(routes.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
}
