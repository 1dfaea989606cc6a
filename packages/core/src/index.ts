export type { AddedFile, BuildContext, ContextEntry } from './context/context.ts';
export type {
  Dockerfile,
  Flag,
  Heredoc,
  Instruction,
  Range,
  Stage,
  TextEdit,
  Word,
} from './dockerfile/model.ts';
export type {
  Builder,
  BuilderCapabilities,
  ContainerRequest,
  ContainerResult,
  Emulation,
  Engine,
  EngineBuild,
  EngineImage,
  EngineInfo,
} from './engines/engine.ts';
export type { BuildEvent, OnBuildEvent } from './events.ts';
export type { BuildPlan, BuildTask, PlannedBase, Strategy } from './plan/plan.ts';
export type { Finding, FixKind, ImageFacts, Rule, RuleContext, Severity } from './rules/rule.ts';
