import type { BuildTarget, LintWarning, Outline } from '@tsbuild/parser'
import type { SourceRange } from '@tsbuild/spec'
import type { CallSpec } from '../build/call-spec.js'
import type { CommandResult } from '../io.js'
import { lintReport } from '../lint-report.js'
import { withExcerpt } from '../parse-failure.js'
import type { DockerfileSource } from '../read-dockerfile.js'
import { type CheckOptions, findWarnings } from './check.js'

export interface CallRequest extends CheckOptions {
  readonly call: CallSpec
  readonly target?: string
}

/** Tells of a Dockerfile instead of building it: `build --call`. Tables and JSON are those of buildx. */
export async function callDockerfile(source: DockerfileSource, request: CallRequest): Promise<CommandResult> {
  const { call, target, buildArgs } = request
  if (call.method === 'check') {
    const warnings = await findWarnings(source, request)
    const stdout = call.json ? json(lintDocument(source, warnings)) : lintReport(source, warnings)
    return { stdout, exitCode: warnings.length === 0 || call.ignoreStatus ? 0 : 1 }
  }
  const { listTargets, outlineOf, parseDockerfile } = await import('@tsbuild/parser')
  return withExcerpt(source, () => {
    const dockerfile = parseDockerfile(source.text, { file: source.file })
    if (call.method === 'targets') {
      const targets = listTargets(dockerfile)
      return { stdout: call.json ? json(targetsDocument(source, targets)) : targetsTable(targets) }
    }
    const outline = outlineOf(dockerfile, { buildArgs, ...(target === undefined ? {} : { target }) })
    return { stdout: call.json ? json(outlineDocument(source, outline)) : outlineTables(outline) }
  })
}

function targetsTable(targets: readonly BuildTarget[]): string {
  const rows = targets.map(({ name, description = '', ...target }) => {
    const mark = target.default ? '(default)' : ''
    return [[name, mark].filter(Boolean).join(' '), description]
  })
  return columns([['TARGET', 'DESCRIPTION'], ...rows])
}

function outlineTables({ name, description, args, secrets, ssh }: Outline): string {
  const target = name === undefined && description === undefined ? [] : [['TARGET:', name ?? '(default)']]
  const mounts = (items: Outline['secrets']) => items.map((item) => [item.name, item.required ? 'true' : ''])
  const tables = [
    [...target, ...(description === undefined ? [] : [['DESCRIPTION:', description]])],
    withHead(
      ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
      args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
    ),
    withHead(['SECRET', 'REQUIRED'], mounts(secrets)),
    withHead(['SSH', 'REQUIRED'], mounts(ssh)),
  ]
  return tables
    .filter((rows) => rows.length > 0)
    .map((rows) => `${columns(rows, rows === tables[0] ? 1 : 3)}\n`)
    .join('')
}

function withHead(head: readonly string[], rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return rows.length === 0 ? [] : [head, ...rows]
}

/** Cells lined up with `gap` spaces behind the widest. */
function columns(rows: readonly (readonly string[])[], gap = 3): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + gap) ?? []
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

function targetsDocument({ text }: DockerfileSource, targets: readonly BuildTarget[]): object {
  return {
    targets: targets.map(({ name, description, base, platform, range, ...target }) => ({
      ...(name === undefined ? {} : { name }),
      ...(target.default ? { default: true } : {}),
      ...(description === undefined ? {} : { description }),
      base,
      ...(platform === undefined ? {} : { platform }),
      location: location(range),
    })),
    sources: [encode(text)],
  }
}

function outlineDocument({ text }: DockerfileSource, { name, description, args, secrets, ssh }: Outline): object {
  const mounts = (items: Outline['secrets']) =>
    items.map(({ name, required, range }) => ({
      name,
      ...(required ? { required } : {}),
      location: location(range),
    }))
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(args.length === 0
      ? {}
      : {
          args: args.map((arg) => ({
            name: arg.name,
            ...(arg.description === undefined ? {} : { description: arg.description }),
            ...(arg.value === undefined || arg.value === '' ? {} : { value: arg.value }),
            location: location(arg.range),
          })),
        }),
    ...(secrets.length === 0 ? {} : { secrets: mounts(secrets) }),
    ...(ssh.length === 0 ? {} : { ssh: mounts(ssh) }),
    sources: [encode(text)],
  }
}

function lintDocument({ file, text }: DockerfileSource, warnings: readonly LintWarning[]): object {
  return {
    warnings: warnings.map(({ rule, url, message, range }) => ({
      ruleName: rule,
      ...(url === undefined ? {} : { url }),
      detail: message,
      location: location(range),
    })),
    sources: [{ filename: file, language: 'Dockerfile', data: encode(text) }],
  }
}

function location({ startLine, endLine }: SourceRange): object {
  return { ranges: [{ start: { line: startLine }, end: { line: endLine } }] }
}

const encode = (text: string) => Buffer.from(text, 'utf8').toString('base64')
const json = (document: object) => `${JSON.stringify(document, null, 2)}\n`
