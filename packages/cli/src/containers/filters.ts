import type { ContainerSummary, ImageSummary } from '@tsbuild/core'
import { badFlag } from '../errors.js'
import { timeFlag } from './duration.js'

/** What a filter may look at besides the container. */
export interface FilterContext {
  readonly now: number
  readonly containers: readonly ContainerSummary[]
  /** All images, for `ancestor`. */
  readonly images: () => readonly ImageSummary[]
}

type Matches = (container: ContainerSummary) => boolean
type Filter = (value: string, context: FilterContext) => Matches

const statuses = ['created', 'running', 'exited', 'paused', 'restarting', 'removing', 'dead']

const filters: Readonly<Record<string, Filter>> = {
  id:
    (value) =>
    ({ id }) =>
      id.startsWith(value),
  name: (value) => {
    const pattern = regExp(value)
    return ({ name }) => pattern.test(name) || pattern.test(`/${name}`)
  },
  label: (value) => {
    const equals = value.indexOf('=')
    const name = equals < 0 ? value : value.slice(0, equals)
    return ({ labels }) => Object.hasOwn(labels, name) && (equals < 0 || labels[name] === value.slice(equals + 1))
  },
  status: (value) => {
    if (!statuses.includes(value)) throw badFlag('--filter', `status=${value}`, 'no such status', statuses.join(', '))
    return ({ status }) => status === value
  },
  exited: (value) => {
    if (!/^\d+$/.test(value)) throw badFlag('--filter', `exited=${value}`, 'not an exit code')
    return ({ status, exitCode }) => status === 'exited' && exitCode === Number(value)
  },
  health:
    (value) =>
    ({ health = 'none' }) =>
      health === value,
  network:
    (value) =>
    ({ network }) =>
      network === value,
  ancestor: (value, { images }) => {
    const hex = value.replace(/^sha256:/, '')
    const ids = images()
      .filter(
        ({ repository, tag, id }) => isNamed(value, repository, tag) || id.slice('sha256:'.length).startsWith(hex),
      )
      .map(({ id }) => id)
    return ({ image, imageId }) => image === value || ids.includes(imageId)
  },
  before: (value, context) => {
    const { createdAt } = reference('before', value, context)
    return (container) => container.createdAt < createdAt
  },
  since: (value, context) => {
    const { createdAt } = reference('since', value, context)
    return (container) => container.createdAt > createdAt
  },
}

function isNamed(value: string, repository: string, tag: string): boolean {
  return value === `${repository}:${tag}` || (value === repository && tag === 'latest')
}

function regExp(value: string): RegExp {
  try {
    return new RegExp(value)
  } catch (cause) {
    throw badFlag('--filter', `name=${value}`, `it is no pattern: ${(cause as Error).message}`)
  }
}

function reference(key: string, value: string, { containers }: FilterContext): ContainerSummary {
  const found = containers.find(({ id, name }) => name === value || id.startsWith(value))
  if (found === undefined) throw badFlag('--filter', `${key}=${value}`, 'there is no such container')
  return found
}

/** One test for all `--filter key=value`: those of one key are alternatives (labels are not), keys must all be met.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function containerFilter(texts: readonly string[], context: FilterContext): Matches {
  const byKey = new Map<string, Matches[]>()
  for (const text of texts) {
    const [key = '', value] = split(text)
    const filter = Object.hasOwn(filters, key) ? filters[key] : undefined
    if (filter === undefined)
      throw badFlag('--filter', text, `there is no filter "${key}"`, Object.keys(filters).join(', '))
    byKey.set(key, [...(byKey.get(key) ?? []), filter(value, context)])
  }
  return (container) =>
    [...byKey].every(([key, tests]) =>
      key === 'label' ? tests.every((test) => test(container)) : tests.some((test) => test(container)),
    )
}

/** The filters of `prune`: `until`, and labels that must or must not be there.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function pruneFilter(texts: readonly string[], context: FilterContext): Matches {
  const tests = texts.map((text): Matches => {
    const [key, value] = split(text)
    if (key === 'label' || key === 'label!') {
      const has = filters.label!(value, context)
      return key === 'label' ? has : (container) => !has(container)
    }
    if (key !== 'until') throw badFlag('--filter', text, `there is no filter "${key}"`, 'until, label, label!')
    const until = timeFlag('--filter', value, context.now)
    return ({ createdAt }) => createdAt < until
  })
  return (container) => tests.every((test) => test(container))
}

function split(text: string): readonly [key: string, value: string] {
  const equals = text.indexOf('=')
  if (equals <= 0) throw badFlag('--filter', text, 'not key=value')
  return [text.slice(0, equals), text.slice(equals + 1)]
}
