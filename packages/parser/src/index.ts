export type {
  AddInstruction,
  ArgDeclaration,
  ArgInstruction,
  CacheSharing,
  CmdInstruction,
  CommandLine,
  CopyBase,
  CopyInstruction,
  Directive,
  Dockerfile,
  EntrypointInstruction,
  EnvInstruction,
  EscapeToken,
  ExposeInstruction,
  FromInstruction,
  HealthcheckInstruction,
  InlineFile,
  Instruction,
  InstructionBase,
  InstructionKind,
  KeyValue,
  LabelInstruction,
  MaintainerInstruction,
  MountFlag,
  MountType,
  OnbuildInstruction,
  ParseWarning,
  RunDevice,
  RunInstruction,
  RunMount,
  ShellInstruction,
  Stage,
  StageInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './ast.js'
export {
  type EditorAst,
  type EditorFlag,
  type EditorInstruction,
  type EditorPosition,
  type EditorRange,
  type EditorToken,
  type EditorVariable,
  editorAst,
} from './editor/editor-ast.js'
export { ParseError, type ParseErrorCode } from './errors.js'
export { createIgnore, type Ignore } from './ignore/ignore.js'
export { hasGlob, matchGlob } from './ignore/match-glob.js'
export { parseIgnoreFile } from './ignore/parse-ignore-file.js'
export { type ExpandedInstruction, expandInstruction } from './instructions/expand-instruction.js'
export { parseInstruction } from './instructions/parse-instruction.js'
export type { BaseImage, LintOptions } from './lint/analysis.js'
export { type CheckOptions, parseCheckOptions } from './lint/check-options.js'
export { checkOptionsOf, type LintWarning, lint, lintError } from './lint/lint.js'
export { type DetectedDirective, detectDirective, detectSyntax } from './nodes/directives.js'
export { formatNodes } from './nodes/format-nodes.js'
export { findHeredocs, type HeredocOpener, parseHeredocOpener, processHeredoc } from './nodes/heredoc.js'
export type { Heredoc, Node } from './nodes/node.js'
export { type NodeTree, type ParseOptions, parseNodes } from './nodes/parse-nodes.js'
export { splitWords } from './nodes/words.js'
export { type Outline, type OutlineArg, type OutlineMount, type OutlineOptions, outlineOf } from './outline/outline.js'
export { type BuildTarget, listTargets } from './outline/targets.js'
export { parseDockerfile, parseOnbuildTrigger } from './parse-dockerfile.js'
export {
  type ExpandOptions,
  type Expansion,
  expandWord,
  expandWords,
  type Variables,
  type WordsExpansion,
} from './shell/word.js'
export { type SuggestOptions, suggest } from './suggest.js'
