/** One page of a list. */
export interface PageRequest {
  /** From 1. */
  readonly page: number
  /** 1 to 100. */
  readonly pageSize: number
}

export interface Page<A> extends PageRequest {
  readonly list: ReadonlyArray<A>
  /** Of all pages. */
  readonly total: number
}

export const offsetOf = ({ page, pageSize }: PageRequest): number => (page - 1) * pageSize
