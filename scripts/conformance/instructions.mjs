import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDockerfile, parseInstruction, parseNodes } from '../../packages/parser/dist/index.js'
import { fails, same } from './report.mjs'

export async function run(folder, area) {
  const table = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))
  for (const [index, entry] of table.cases.entries()) {
    await area.case(`${index} ${entry.origin} ${entry.name ?? entry.input ?? ''}`, () => check(entry))
  }
  for (const [index, entry] of (table.flag_parser?.cases ?? []).entries()) {
    await area.case(`flag_parser/${index}`, () => checkFlags(entry))
  }
  await noCrash(table.no_panic, area)
}

function check(entry) {
  if (entry.origin === 'TestHandleJSONArgs') return jsonArguments(entry)
  const parse = () => parseInstruction(entry.node ? nodeOf(entry.node) : parseNodes(entry.input).nodes[0])
  if (entry.error !== undefined || entry.error_contains !== undefined) {
    return fails(parse, entry.error ?? entry.error_contains)
  }
  const instruction = parse()
  for (const [key, value] of Object.entries(entry.expect ?? {})) same(views[key](instruction), value, key)
}

/** How an expected member is read from our instruction. */
const views = {
  dest: (instruction) => instruction.destination,
  sources: (instruction) => instruction.sources,
  inline: (instruction) => instruction.inlineFiles.map(({ name, data, expand }) => ({ path: name, data, expand })),
  prependShell: (instruction) => instruction.command.form === 'shell',
  cmdline: ({ command }) => (command.form === 'exec' ? command.args : [command.text]),
  files: (instruction) => instruction.heredocs.map(({ name, content, chomp }) => ({ name, data: content, chomp })),
  Name: (instruction) => instruction.devices[0].name,
  Required: (instruction) => instruction.devices[0].required,
}

function nodeOf([instruction, ...args]) {
  const [node] = parseNodes(`${instruction} a=b`).nodes
  return { ...node, args }
}

/** Arguments of a shell form are one string, those of a JSON list stay a list. */
function jsonArguments({ args, json, expect }) {
  const [node] = parseNodes('CMD x').nodes
  const { command } = parseInstruction({ ...node, args, json })
  same(command.form === 'exec' ? command.args : command.text === '' ? [] : [command.text], expect)
}

/** Maps made-up flags of the table to flags of the same type that instructions have. */
const stringFlags = ['chown', 'chmod', 'from']
const booleanFlags = ['link', 'parents']

function checkFlags({ defs, args, error, values }) {
  const names = new Map()
  const take = { string: [...stringFlags], boolean: [...booleanFlags] }
  for (const [name, initial] of Object.entries(defs)) {
    const real = take[typeof initial].shift()
    if (real === undefined) break
    names.set(name, real)
  }
  const known = args.filter((arg) => arg === '--' || names.has(arg.slice(2).split('=')[0]) || error !== undefined)
  const rename = (text) => [...names].reduce((out, [from, to]) => out.replaceAll(from, to), text)
  const [node] = parseNodes('COPY a b').nodes
  const parse = () => parseInstruction({ ...node, flags: known.map(rename) })
  if (error !== undefined) return fails(parse, rename(error))
  const instruction = parse()
  for (const [name, value] of Object.entries(values ?? {})) {
    const real = names.get(name)
    const given = args.some((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
    if (real !== undefined && given && value !== '') same(instruction[real] ?? '', value, name)
  }
}

async function noCrash(table, area) {
  if (!table) return
  const keywords =
    'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'
  for (const keyword of keywords.split(' ')) {
    for (const rest of table.for_each_command) {
      await area.case(`no_panic/${keyword} ${rest}`, () => {
        try {
          parseDockerfile(`${table.prefix}${keyword} ${rest}\n`)
        } catch (error) {
          if (error.name !== 'ParseError') throw error
        }
      })
    }
  }
}
