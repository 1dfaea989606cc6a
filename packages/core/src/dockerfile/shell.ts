import { parse, type SyntaxNode } from 'unbash';
import type {
  ShellAssignment,
  ShellBranch,
  ShellCommand,
  ShellPart,
  ShellQuoting,
  ShellScript,
  ShellSwitch,
  ShellWord,
} from './shell-model.ts';

type Node<Type extends SyntaxNode['type']> = Extract<SyntaxNode, { type: Type }>;
type NodeWord = Node<'Word'>;
type NodePart = NonNullable<NodeWord['parts']>[number];
type Statement = Node<'Statement'>;
type Runnable = Statement['command'];

/** Reads a shell script; never throws. Offsets of the result are those of `text`. */
export function parseShell(text: string): ShellScript {
  const reader = new ScriptReader(text);
  const script = parse(text);
  reader.script(script, { branches: [], nested: false });
  return {
    commands: reader.commands,
    switches: reader.switches,
    loopVariables: reader.loopVariables,
    broken: reader.broken,
  };
}

interface Place {
  readonly branches: readonly ShellBranch[];
  readonly nested: boolean;
  /** What the command prints is a script for a shell. */
  readonly feedsShell?: boolean;
}

/** Nothing in it is special to a shell. */
const isPlain = /^[\w./:=@%+,-]*$/;

/** Holds what was found so far; lives for one parse. */
class ScriptReader {
  readonly commands: ShellCommand[] = [];
  readonly switches: ShellSwitch[] = [];
  readonly loopVariables = new Set<string>();
  broken = false;
  private pipelines = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  script(script: ReturnType<typeof parse>, place: Place): void {
    if (script.errors !== undefined && script.errors.length > 0) this.broken = true;
    this.statements(script.commands, place);
  }

  private statements(statements: readonly Statement[], place: Place): void {
    for (const statement of statements) this.run(statement.command, place);
  }

  private run(node: Runnable | Node<'CompoundList'>, place: Place, pipeline?: number): void {
    switch (node.type) {
      case 'Command':
        this.command(node, place, pipeline ?? this.nextPipeline());
        break;
      case 'Pipeline': {
        const number = this.nextPipeline();
        node.commands.forEach((command, index) => {
          const next = node.commands[index + 1];
          this.run(command, next && isFedShell(next) ? { ...place, feedsShell: true } : place, number);
        });
        break;
      }
      case 'AndOr':
        this.andOr(node, place);
        break;
      case 'If':
        this.if(node, place);
        break;
      case 'Case':
        this.case(node, place);
        break;
      case 'For':
      case 'Select':
        this.loopVariables.add(node.name.text);
        this.list(this.word(node.name, place), node.wordlist ?? [], place);
        this.statements(node.body.commands, place);
        break;
      case 'While':
        this.statements(node.clause.commands, place);
        this.statements(node.body.commands, place);
        break;
      case 'ArithmeticFor':
      case 'BraceGroup':
        this.statements(node.body.commands, place);
        break;
      case 'Subshell':
        this.statements(node.body.commands, { ...place, nested: true });
        break;
      case 'Redirected':
        this.run(node.command, place, pipeline);
        break;
      case 'Function':
      case 'Coproc':
        this.run(node.body, { ...place, nested: true });
        break;
      case 'CompoundList':
        this.statements(node.commands, place);
        break;
      default:
        break;
    }
  }

  private nextPipeline(): number {
    this.pipelines += 1;
    return this.pipelines;
  }

  /** `[ a ] && b || c`: what follows a test depends on it. */
  private andOr(node: Node<'AndOr'>, place: Place): void {
    let branches = place.branches;
    node.commands.forEach((command, index) => {
      const operator = node.operators[index - 1];
      const before = node.commands[index - 1];
      if (before !== undefined && operator !== undefined) {
        const negated = operator === '||';
        const condition = this.text.slice(before.pos, before.end);
        const others = negated ? place.branches : branches;
        branches = isTest(before) ? [...others, { condition, patterns: [], negated }] : others;
      }
      this.run(command, { ...place, branches });
    });
    this.choice(node);
  }

  /** `test && A=b || A=c` is an `if` with an `else`. */
  private choice({ commands, operators, pos, end }: Node<'AndOr'>): void {
    const [test, yes, no] = commands;
    if (operators.join() !== '&&,||' || !test || !yes || !no) return;
    if (!isTest(test) || !isAssignment(yes) || !isAssignment(no)) return;
    const condition = this.text.slice(test.pos, test.end);
    this.switches.push({
      kind: 'if',
      subject: condition,
      branches: [{ patterns: [condition], start: yes.pos, end: yes.end }],
      fallback: { start: no.pos, end: no.end },
      start: pos,
      end,
    });
  }

  private if(node: Node<'If'>, place: Place): void {
    const clauses = [node, ...node.elif];
    const conditions: string[] = [];
    const inBranch = (negatedBefore: readonly string[], condition?: string): Place => ({
      ...place,
      branches: [
        ...place.branches,
        ...negatedBefore.map((text) => ({ condition: text, patterns: [], negated: true })),
        ...(condition === undefined ? [] : [{ condition, patterns: [], negated: false }]),
      ],
    });
    for (const { clause, then: body } of clauses) {
      this.statements(clause.commands, place);
      const condition = this.text.slice(clause.pos, clause.end);
      this.statements(body.commands, inBranch(conditions, condition));
      conditions.push(condition);
    }
    if (node.else) this.statements(node.else.commands, inBranch(conditions));
    this.switches.push({
      kind: 'if',
      subject: conditions[0] ?? '',
      branches: clauses.map(({ then: body }, index) => ({
        patterns: [conditions[index] ?? ''],
        start: body.pos,
        end: body.end,
      })),
      fallback: node.else && { start: node.else.pos, end: node.else.end },
      start: node.pos,
      end: node.end,
    });
  }

  private case(node: Node<'Case'>, place: Place): void {
    this.substitutions(node.word.parts, place);
    const condition = node.word.text;
    for (const item of node.items) {
      const branch = { condition, patterns: item.pattern.map((word) => word.value), negated: false };
      this.statements(item.body.commands, { ...place, branches: [...place.branches, branch] });
    }
    const isFallback = (item: Node<'CaseItem'>): boolean => item.pattern.some((word) => word.text === '*');
    const fallback = node.items.find(isFallback);
    this.switches.push({
      kind: 'case',
      subject: condition,
      branches: node.items
        .filter((item) => !isFallback(item))
        .map((item) => ({
          patterns: item.pattern.map((word) => word.value),
          start: item.body.pos,
          end: item.body.end,
        })),
      fallback: fallback && { start: fallback.body.pos, end: fallback.body.end },
      insertAt: fallback ? fallback.pos : node.end - 'esac'.length,
      start: node.pos,
      end: node.end,
    });
  }

  private command(node: Node<'Command'>, place: Place, pipeline: number): void {
    const assignments: ShellAssignment[] = [];
    const words: ShellWord[] = [];
    const redirects: { operator: string; target: ShellWord }[] = [];
    const hereDocs: { quoted: boolean; body: ShellWord; script?: true }[] = [];
    const add = (item: Node<'Command'>['prefix'][number] | Node<'Command'>['suffix'][number]): void => {
      switch (item.type) {
        case 'Word':
          words.push(this.word(item, place));
          break;
        case 'Assignment':
          if (item.value.type === 'Word') {
            const value = this.word(item.value, place);
            assignments.push({ name: item.name, value });
          } else {
            this.loopVariables.add(item.name);
            const end = item.pos + item.name.length;
            const name = { text: item.name, start: item.pos, end, parts: [] };
            this.list(name, item.value.elements, place);
          }
          break;
        case 'HereDoc':
          hereDocs.push({
            quoted: item.delimiter?.quoted ?? false,
            body: this.hereDocBody(item.body, item.delimiter?.quoted ?? false, place),
          });
          break;
        default:
          if (item.target) redirects.push({ operator: item.operator, target: this.word(item.target, place) });
      }
    };
    for (const item of node.prefix) add(item);
    if (node.name) words.push(this.word(node.name, place));
    for (const item of node.suffix) add(item);
    const name = plainText(words[0])?.replace(/^.*\//, '');
    if (name === 'read') for (const word of words.slice(1)) this.loopVariables.add(word.text);
    const input = hereDocs.at(-1);
    const isScript = input !== undefined && isRead(words, place) && isSaidAsItIs(input);
    if (isScript) input.script = true;
    this.commands.push({
      name,
      words,
      assignments,
      redirects,
      hereDocs,
      branches: place.branches,
      pipeline,
      nested: place.nested,
      start: node.pos,
      end: node.end,
    });
    if (isScript) this.inner(input.body.text, input.body.start, input.quoted ? 'literal' : 'double', place);
    else this.nestedScript(name, words, place);
  }

  /** The words of a loop or of an array, which are used elsewhere. */
  private list(name: ShellWord, nodes: readonly NodeWord[], place: Place): void {
    if (nodes.length === 0) return;
    const words = [name, ...nodes.map((node) => this.word(node, place))];
    this.commands.push({
      name: undefined,
      words,
      assignments: [],
      redirects: [],
      hereDocs: [],
      branches: place.branches,
      pipeline: this.nextPipeline(),
      nested: place.nested,
      list: true,
      start: name.start,
      end: words.at(-1)?.end ?? name.end,
    });
  }

  /** `sh -c '…'`: the quoted text is a script too, and each of its characters is one of the source. */
  private nestedScript(name: string | undefined, words: readonly ShellWord[], place: Place): void {
    if (name === undefined || !/^(?:ba|da|a|k|z)?sh$|^su$/.test(name)) return;
    const flag = words.findIndex((word) => /^-[a-z]*c$/.test(word.text));
    const part = flag > 0 ? words[flag + 1]?.parts : undefined;
    const inner = part?.length === 1 ? part[0] : undefined;
    if (inner?.kind !== 'text' || inner.quoting !== 'single' || !inner.exact) return;
    this.inner(inner.value, inner.start, 'single', place);
  }

  /** A text that another shell reads, each of its characters one of the source. */
  private inner(text: string, start: number, quoting: ShellQuoting, place: Place): void {
    const reader = new ScriptReader(text);
    reader.script(parse(text), { branches: [], nested: true });
    const shift = new Shift(start, quoting);
    for (const command of reader.commands) {
      const moved = shift.command(command);
      this.commands.push({ ...moved, branches: [...place.branches, ...moved.branches] });
    }
    for (const item of reader.switches) this.switches.push(shift.switch(item));
    for (const variable of reader.loopVariables) this.loopVariables.add(variable);
  }

  private word(node: NodeWord, place: Place): ShellWord {
    const { text, pos, end } = node;
    // The parser takes a word apart when it is asked, and most words are of one part.
    const nodes = isPlain.test(text) ? [] : (node.parts ?? []);
    return { text, start: pos, end, parts: this.parts(nodes, node, place, 'none') };
  }

  private hereDocBody(node: Node<'HereDocBody'>, quoted: boolean, place: Place): ShellWord {
    const whole = { text: this.text.slice(node.pos, node.end), pos: node.pos, end: node.end };
    const parts: readonly ShellPart[] =
      quoted || node.parts === undefined
        ? [this.literal(whole.text, whole, quoted ? 'literal' : 'double')]
        : this.parts(node.parts, whole, place, 'double');
    return { text: whole.text, start: node.pos, end: node.end, parts };
  }

  private parts(
    nodes: readonly NodePart[],
    whole: { readonly text: string; readonly pos: number; readonly end: number },
    place: Place,
    quoting: ShellQuoting,
  ): readonly ShellPart[] {
    if (nodes.length === 0) return whole.text === '' ? [] : [this.literal(whole.text, whole, quoting)];
    return nodes.flatMap((node) => this.part(node, place, quoting));
  }

  private part(node: NodePart, place: Place, quoting: ShellQuoting): readonly ShellPart[] {
    const { pos: start, end } = node;
    switch (node.type) {
      case 'Literal':
        return [this.literal(node.value, node, quoting)];
      case 'SingleQuoted':
        return [this.literal(node.value, { pos: node.pos + 1, end: node.end - 1 }, 'single')];
      case 'DoubleQuoted':
        return node.parts.flatMap((part) => this.part(part, place, 'double'));
      case 'SimpleExpansion': {
        const name = node.text.slice(1);
        return [{ kind: 'variable', name, start, end, quoting, plain: true, operand: undefined }];
      }
      case 'ParameterExpansion': {
        const { operation } = node;
        const operand = operation?.type === 'Default' ? this.word(operation.operand, place) : undefined;
        const plain = operation === undefined && node.index === undefined && node.prefix === undefined;
        return [{ kind: 'variable', name: node.parameter, start, end, quoting, plain, operand }];
      }
      case 'CommandExpansion':
      case 'ProcessSubstitution':
        this.substitutions([node], place);
        return [{ kind: 'dynamic', text: this.text.slice(start, end), start, end, quoting }];
      case 'Glob':
      case 'BraceExpansion':
      case 'ExtendedGlob':
        return [this.literal(node.text, node, quoting)];
      default:
        return [{ kind: 'dynamic', text: this.text.slice(start, end), start, end, quoting }];
    }
  }

  private literal(
    value: string,
    node: { readonly pos: number; readonly end: number },
    quoting: ShellQuoting,
  ): ShellPart {
    const exact = this.text.startsWith(value, node.pos) && node.end - node.pos === value.length;
    return { kind: 'text', value, start: node.pos, end: node.end, quoting, exact };
  }

  /** The commands of `$(…)`; one whose positions are those of an unescaped copy is not looked into. */
  private substitutions(parts: readonly NodePart[] | undefined, place: Place): void {
    for (const part of parts ?? []) {
      if (part.type === 'DoubleQuoted') this.substitutions(part.parts, place);
      if (part.type !== 'CommandExpansion' && part.type !== 'ProcessSubstitution') continue;
      if (part.script === undefined || part.script.source !== undefined) continue;
      this.script(part.script, { ...place, nested: true });
    }
  }
}

/** Moves what was read from a part of a text to its place in the whole. */
class Shift {
  private readonly by: number;
  /** What all of it stands between. */
  private readonly quoting: ShellQuoting;

  constructor(by: number, quoting: ShellQuoting) {
    this.by = by;
    this.quoting = quoting;
  }

  command(command: ShellCommand): ShellCommand {
    return {
      ...this.span(command),
      words: command.words.map((word) => this.word(word)),
      assignments: command.assignments.map(({ name, value }) => ({ name, value: this.word(value) })),
      redirects: command.redirects.map(({ operator, target }) => ({ operator, target: this.word(target) })),
      hereDocs: command.hereDocs.map((hereDoc) => ({ ...hereDoc, body: this.word(hereDoc.body) })),
    };
  }

  switch(item: ShellSwitch): ShellSwitch {
    return {
      ...this.span(item),
      branches: item.branches.map((branch) => this.span(branch)),
      fallback: item.fallback && this.span(item.fallback),
      insertAt: item.insertAt === undefined ? undefined : item.insertAt + this.by,
    };
  }

  private word(word: ShellWord): ShellWord {
    return { ...this.span(word), parts: word.parts.map((part) => this.part(part)) };
  }

  private part(part: ShellPart): ShellPart {
    const moved = { ...this.span(part), quoting: this.quoting };
    return moved.kind === 'variable' && moved.operand
      ? { ...moved, operand: this.word(moved.operand) }
      : moved;
  }

  private span<T extends { readonly start: number; readonly end: number }>(item: T): T {
    return { ...item, start: item.start + this.by, end: item.end + this.by };
  }
}

/** A shell reads what a command is given, or what it prints as it was given it. */
function isRead(words: readonly ShellWord[], { feedsShell }: Place): boolean {
  const texts = words.map(({ text }) => text);
  return (feedsShell === true && texts.join() === 'cat') || readsScript(texts);
}

/** `bash -e <<EOF`, `sudo sh -s a <<EOF`: a shell without a file takes its commands from what it is given to read. */
function readsScript(words: readonly string[]): boolean {
  const names = words.map((word) => word.replace(/^.*\//, ''));
  const at = names.findIndex((name) => name !== 'sudo' && name !== 'exec' && name !== 'command');
  const options = words.slice(at + 1);
  if (names[at] === 'su') return !options.some((text) => /^(?:-[a-z]*c|--command)/.test(text));
  if (at < 0 || !/^(?:ba|da|a|k|z)?sh$/.test(names[at] ?? '')) return false;
  const operand = options.findIndex(
    (text, index) => !/^[-+]/.test(text) && !/^[-+]\w*o$/.test(options[index - 1] ?? ''),
  );
  const own = operand < 0 ? options : options.slice(0, operand);
  if (own.some((text) => /^-[a-z]*c$/.test(text))) return false;
  return operand < 0 || own.some((text) => /^-[a-z]*s$/.test(text));
}

/** The last command of `cat <<EOF | bash`. */
function isFedShell(node: Runnable): boolean {
  if (node.type !== 'Command' || !node.name) return false;
  const words = node.suffix.flatMap((item) => (item.type === 'Word' ? [item.text] : []));
  return readsScript([node.name.text, ...words]);
}

/** The outer shell hands the text on as it is, but for the values of variables. */
function isSaidAsItIs({ quoted, body }: { readonly quoted: boolean; readonly body: ShellWord }): boolean {
  return quoted || !/[\\`]|\$\(/.test(body.text);
}

function isTest(node: Runnable): boolean {
  if (node.type === 'TestCommand') return true;
  if (node.type === 'Pipeline') return node.commands.some((command) => isTest(command));
  return node.type === 'Command' && /^(?:\[|test|grep|expr|uname|arch)$/.test(node.name?.text ?? '');
}

/** Nothing but variables is set. */
function isAssignment(node: Runnable): boolean {
  return (
    node.type === 'Command' &&
    !node.name &&
    node.prefix.length > 0 &&
    node.prefix.every(({ type }) => type === 'Assignment')
  );
}

function plainText(word: ShellWord | undefined): string | undefined {
  if (word === undefined || word.parts.length === 0) return word?.text;
  if (!word.parts.every((part) => part.kind === 'text')) return undefined;
  return word.parts.map((part) => (part.kind === 'text' ? part.value : '')).join('');
}
