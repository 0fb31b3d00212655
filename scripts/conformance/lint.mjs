import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIgnore, lint, lintError, parseDockerfile, parseIgnoreFile } from '../../packages/parser/dist/index.js'
import { same } from './report.mjs'

const platform = { os: 'linux', architecture: 'amd64' }

export async function run(folder, area) {
  const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))
  for (const entry of cases) {
    await area.case(`${entry.id} build`, () => compare(entry, entry.warnings, 'reachable'))
    const all = entry.warnings_lint_request ?? entry.warnings
    if (/lint violation/.test(entry.build_error ?? entry.build_error_regexp ?? '')) {
      await area.case(`${entry.id} error`, () => compareError(entry))
    }
    await area.case(`${entry.id} check`, () => compare(entry, all, 'all'))
  }
  const file = join(folder, 'rules.json')
  if (existsSync(file)) await documented(JSON.parse(readFileSync(file, 'utf8')).rules, area)
}

function buildArgs(entry) {
  const args = Object.entries(entry.frontend_attrs ?? {}).filter(([name]) => name.startsWith('build-arg:'))
  return Object.fromEntries(args.map(([name, value]) => [name.slice('build-arg:'.length), value]))
}

function compareError(entry) {
  const file = parseDockerfile(entry.dockerfile)
  const found = lintError(file, warningsOf(entry, 'reachable'), { buildArgs: buildArgs(entry) })?.message
  const names = (text) => (text ?? '').split('rules: ')[1]?.split(', ').sort()
  same(names(found), names(entry.build_error ?? entry.build_error_regexp), 'rules in the error')
}

function warningsOf(entry, stages) {
  return lint(parseDockerfile(entry.dockerfile), {
    stages,
    target: entry.frontend_attrs?.target,
    buildArgs: buildArgs(entry),
    targetPlatform: platform,
    buildPlatform: platform,
    baseImage: () => ({}),
    ...(entry.dockerignore === undefined ? {} : { ignore: createIgnore(parseIgnoreFile(entry.dockerignore)) }),
  })
}

function compare(entry, expected, stages) {
  const plain = (list) =>
    list
      .map(({ rule, description, url, detail, line }) =>
        JSON.stringify({ rule, description, url: url || undefined, detail, line }),
      )
      .sort()
  const found = warningsOf(entry, stages).map((warning) => ({
    ...warning,
    detail: warning.message,
    line: warning.range.startLine,
  }))
  same(plain(found), plain(expected), 'warnings')
}

/** The examples in the documentation of a rule: a bad one sets it off, a good one does not. */
async function documented(rules, area) {
  for (const rule of rules) {
    for (const [index, example] of (rule.doc_examples ?? []).entries()) {
      const id = `${rule.name} ${example.kind} example ${index}`
      await area.case(id, () => {
        let { dockerfile } = example
        if (!/^\s*from /im.test(dockerfile)) dockerfile = `FROM alpine\n${dockerfile}`
        const env = rule.name === 'UndefinedVar' && /python/.test(dockerfile) ? ['PYTHON_VERSION=3'] : []
        const actual =
          /--platform/.test(dockerfile) || !rule.name.includes('BaseImagePlatform')
            ? {}
            : { platform: { os: 'linux', architecture: 'arm64' } }
        const found = lint(parseDockerfile(dockerfile), {
          stages: 'all',
          targetPlatform: platform,
          baseImage: () => ({ env, ...actual }),
          check: rule.experimental ? `experimental=${rule.name}` : undefined,
          ...(example.dockerignore === undefined
            ? {}
            : { ignore: createIgnore(parseIgnoreFile(example.dockerignore)) }),
        })
        same(
          found.some((warning) => warning.rule === rule.name),
          example.kind === 'bad',
        )
      })
    }
  }
}
