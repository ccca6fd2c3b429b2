// The page's words, in English and Chinese. Names that the model publishes stay as they are; Chinese
// readers see a translation beside them.

import { get, onChange } from "./settings.js";

const words = {
  en: {
    skip: "Skip to the content", views: "Views", judge: "Judge", live: "Live", audit: "Audit log",
    prompt: "User's prompt", promptHint: "What a user writes to the model",
    response: "Assistant's response", responseHint: "optional; if given, it is what is judged",
    policy: "Controversial", strict: "blocked", loose: "passes",
    examples: "Try", empty: "The verdict appears here.", judging: "Judging…",
    blockedNow: "Blocked", passesNow: "Passes", noVerdict: "No verdict", noVerdictText: "Treat it as blocked.",
    ofPrompt: "of the prompt", ofResponse: "of the response", refusalYes: "The assistant refused",
    refusalNo: "The assistant did not refuse", probabilities: "Label probabilities",
    categoryProbabilities: "First category named, given the label", labelMass: "Labels held together",
    labelMassHint: "near 100 % while the model keeps its format",
    latency: "Latency", passes: "Forward passes", promptTokens: "Prompt tokens", fromCache: "from the cache",
    written: "Tokens written", windows: "Windows", contextCut: "Earlier messages were left out or shortened.",
    time: "Where the time went", render: "template and tokenizer", waiting: "waiting", prefill: "prompt",
    decode: "further passes", rest: "server", modelWrote: "What the model wrote",
    tokens: "Tokens as the model read them", tokensText: "{cached} of {all} came from the cache; computed: {computed}.",
    history: "In this tab", again: "Show again",
    liveTitle: "Right now", pause: "Pause", resume: "Resume", verdictRate: "Verdicts per second",
    load: "Requests in flight", loadSub: "{running} running, {waiting} waiting", p50: "Median latency",
    p99: "99th percentile", lastMinute: "last minute", kv: "KV cache in use", hitRate: "Prompt tokens from the cache",
    tokenRate: "Prompt tokens per second", labelsTitle: "Verdicts since the start", engineTitle: "Server",
    model: "Model", version: "Version", uptime: "Up for", device: "Device", dtype: "Weights", kvTokens: "KV cache",
    tokensUnit: "{n} tokens", maxLen: "Longest conversation", connections: "Connections", none: "none yet",
    since: "Since", label: "Label", category: "Category", requestId: "Request", textOrHash: "Judged text, or its hash",
    textOrHashHint: "the whole text; its hash is made here", search: "Search", any: "any", ever: "ever",
    lastHour: "last hour", lastDay: "last 24 hours", lastWeek: "last 7 days", lastMonth: "last 30 days",
    when: "Time", kind: "Kind", categories: "Categories", unsafeShare: "P unsafe", text: "Text", hash: "hash",
    details: "Details", nothingFound: "No entry matches.", older: "Older entries", shown: "{n} entries shown",
    noSecure: "Finding a text by its hash needs https or localhost. Paste the output of “parapet audit hash” instead.",
    noAudit: "This server keeps no audit log. Start it with --audit-log FILE.",
    promptKind: "prompt", responseKind: "response", requestKey: "Request", policyHash: "Policy hash", textHash: "Text hash",
    error: "Error", refusal: "Refusal", labelMassKey: "Label mass", saveJsonl: "Save as JSONL",
    keyTitle: "API key", keyText: "The server asks for a key. It is sent only to this server and never stored on disk.",
    keepKey: "Keep it until this tab is closed", forgetKey: "Forget", useKey: "Use key", keyWrong: "The server did not accept the key.",
    languageTitle: "中文", themeTitle: "Theme: {theme}", auto: "as the system", light: "light", dark: "dark",
    helpTitle: "Keyboard", close: "Close", singleKeys: "Single-key shortcuts",
    kJudge: "judge", kViews: "judge, live, audit log", kFocus: "to the first field", kPause: "pause the live view",
    kTheme: "theme", kLanguage: "language", kHelp: "this list", ready: "ready", unreachable: "The server does not answer.",
    offline: "offline", locked: "key needed",
  },
  zh: {
    skip: "跳到正文", views: "视图", judge: "审核", live: "实时", audit: "审计日志",
    prompt: "用户输入", promptHint: "用户发给模型的内容",
    response: "助手回复", responseHint: "可选；填写后审核的是回复",
    policy: "有争议内容", strict: "拦截", loose: "放行",
    examples: "试一试", empty: "审核结果会显示在这里。", judging: "审核中…",
    blockedNow: "已拦截", passesNow: "已放行", noVerdict: "没有结论", noVerdictText: "请按拦截处理。",
    ofPrompt: "针对用户输入", ofResponse: "针对助手回复", refusalYes: "助手拒绝了请求",
    refusalNo: "助手没有拒绝", probabilities: "标签概率",
    categoryProbabilities: "给定标签时首个类别的概率", labelMass: "三个标签的总概率",
    labelMassHint: "模型守住格式时接近 100 %",
    latency: "延迟", passes: "前向次数", promptTokens: "提示词元", fromCache: "来自缓存",
    written: "生成词元", windows: "窗口数", contextCut: "较早的消息被省略或截短。",
    time: "时间花在哪里", render: "模板与分词", waiting: "等待", prefill: "提示计算",
    decode: "后续前向", rest: "服务器", modelWrote: "模型原文",
    tokens: "模型读到的词元", tokensText: "共 {all} 个，其中 {cached} 个来自缓存，{computed} 个为新计算。",
    history: "本标签页的结果", again: "再次显示",
    liveTitle: "当前状态", pause: "暂停", resume: "继续", verdictRate: "每秒审核数",
    load: "处理中的请求", loadSub: "运行 {running}，等待 {waiting}", p50: "延迟中位数",
    p99: "延迟 99 分位", lastMinute: "最近一分钟", kv: "KV 缓存占用", hitRate: "缓存命中的提示词元",
    tokenRate: "每秒提示词元", labelsTitle: "启动以来的结论", engineTitle: "服务器",
    model: "模型", version: "版本", uptime: "运行时间", device: "设备", dtype: "权重", kvTokens: "KV 缓存",
    tokensUnit: "{n} 个词元", maxLen: "最长对话", connections: "连接数", none: "暂无",
    since: "时间范围", label: "标签", category: "类别", requestId: "请求", textOrHash: "被审核的文本或其哈希",
    textOrHashHint: "完整文本；哈希在本页计算", search: "搜索", any: "全部", ever: "全部",
    lastHour: "最近一小时", lastDay: "最近 24 小时", lastWeek: "最近 7 天", lastMonth: "最近 30 天",
    when: "时间", kind: "对象", categories: "类别", unsafeShare: "不安全概率", text: "文本", hash: "哈希",
    details: "详情", nothingFound: "没有匹配的记录。", older: "更早的记录", shown: "已显示 {n} 条",
    noSecure: "用文本查找需要 https 或 localhost。请改为粘贴 parapet audit hash 的输出。",
    noAudit: "该服务器没有开启审计日志。请用 --audit-log FILE 启动。",
    promptKind: "用户输入", responseKind: "助手回复", requestKey: "请求", policyHash: "策略哈希", textHash: "文本哈希",
    error: "错误", refusal: "拒绝", labelMassKey: "标签总概率", saveJsonl: "保存为 JSONL",
    keyTitle: "API 密钥", keyText: "服务器需要密钥。密钥只发送给本服务器，不会写入磁盘。",
    keepKey: "保留到关闭本标签页", forgetKey: "忘记", useKey: "使用密钥", keyWrong: "服务器没有接受这个密钥。",
    languageTitle: "English", themeTitle: "主题：{theme}", auto: "跟随系统", light: "浅色", dark: "深色",
    helpTitle: "键盘", close: "关闭", singleKeys: "启用单键快捷键",
    kJudge: "开始审核", kViews: "审核、实时、审计日志", kFocus: "跳到第一个输入框", kPause: "暂停实时视图",
    kTheme: "主题", kLanguage: "语言", kHelp: "本列表", ready: "就绪", unreachable: "服务器没有应答。",
    offline: "离线", locked: "需要密钥",
  },
};

const names = {
  Safe: "安全", Controversial: "有争议", Unsafe: "不安全", Unavailable: "暂不可用", Error: "错误",
  "Violent": "暴力", "Non-violent Illegal Acts": "非暴力违法行为",
  "Sexual Content or Sexual Acts": "性内容或性行为", "PII": "个人身份信息",
  "Suicide & Self-Harm": "自杀与自残", "Unethical Acts": "不道德行为",
  "Politically Sensitive Topics": "政治敏感话题", "Copyright Violation": "侵犯版权",
  "Jailbreak": "越狱", "None": "无",
};

export const categories = Object.keys(names).slice(5, 14);
export const labels = Object.keys(names).slice(0, 5);

// t("shown", {n: 3})
export function t(word, values = {}) {
  const text = words[get("language")][word] ?? words.en[word] ?? word;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A published name as the reader's language has it.
export function nameOf(name) {
  return get("language") === "zh" && names[name] ? `${names[name]} ${name}` : name;
}

function translatePage() {
  document.documentElement.lang = get("language") === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-placeholder]")) {
    element.placeholder = t(element.dataset.tPlaceholder);
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    const theme = t(get("theme"));
    element.setAttribute("aria-label", t(element.dataset.tLabel, { theme }));
    element.title = t(element.dataset.tLabel, { theme });
  }
}

export function startTranslation() {
  onChange((name) => (name === "language" || name === "theme") && translatePage());
  translatePage();
}

// Words that one language has and the other lacks; for the test.
export const missing = () => Object.keys({ ...words.en, ...words.zh }).filter((word) => !(word in words.en && word in words.zh));
