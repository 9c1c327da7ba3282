/** The headers of a request. */
export interface RequestHeaders {
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined
}

/** A request, whatever the framework calls one. */
export interface Incoming extends RequestHeaders {
  readonly method: string
  /** The path within the routes: without query, and without what stands before them. */
  readonly path: string
  /** What stands before the routes: `/shop`. */
  readonly base: string
  /** What stands behind the `?`. */
  readonly query: string
  /** The request of the framework, for `identify` and `allow`. */
  readonly native: unknown
  /** The body, if the framework has parsed it already. */
  readonly parsed: unknown
  /** The body as text, of at most `maxBytes`. @throws {Refused} */
  text(maxBytes: number): Promise<string>
  /** The request with this body, on the web standards. */
  toRequest(body: string): Request
}
