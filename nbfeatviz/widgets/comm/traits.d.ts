// What the page and the kernel agree on: the traits of the kernel's widgets, and the messages that carry buffers.
// Each has its Python beside it; the names of Python are kept.

declare global {
  /** Set by the build: tells this version of the panel's module from any other on the same page. */
  const PANEL_VERSION: string;
}

/** [index, name, probability or value, whether it is a probability]. */
export type Prediction = [number, string, number, boolean?];

/** Measures of the latest picture; see `nbfeatviz.quality`. */
export interface Measures {
  saturation?: number;
  high_frequency?: number;
}

/** What the picture does to all units of the layer; see `unit_monitor.as_page`. */
export interface Rises {
  of: string;
  unit: number;
  rises: number[];
  most: [number, number][];
  higher: number;
  parts?: [number, number];
  percentile?: number;
  selectivity?: number | null;
  photographs?: number;
}

export interface Status {
  state: string;
  text?: string;
  error?: string;
  steps?: number;
  precision?: string;
  kept?: string;
  rows?: number;
  tab?: string;
  said?: Record<string, string>;
}

export interface OverlayTrait {
  box?: [number, number, number, number] | null;
  pick?: boolean;
  size?: [number, number];
  neuron?: [number, number];
}

/** `LiveCanvas`. */
export type LiveTraits = {
  canvas: string;
  commands: string;
  key: string;
  still: DataView;
  status: Status;
  overlay: OverlayTrait;
  note: string;
  rises: Partial<Rises>;
  subjects: [first: number, words: string, of: string][];
  selection: string;
  stored: DataView;
  stored_words: string;
};

/** Numbers of a run from the step `first` on, float32 in the first buffer, and perhaps a frame in the second. */
export interface StepsMessage {
  run: number;
  first: number;
  prediction: Prediction | null;
  facts?: Measures;
  speed?: number;
  frame?: number;
  computed?: number;
  sequence?: number;
  hold?: number;
}

/** The model of an ipycanvas `Canvas`. */
export interface CanvasModel {
  canvas: HTMLCanvasElement;
  ctx: CanvasRenderingContext2D;
  get(name: "width" | "height"): number;
  set(values: { width: number; height: number }): void;
  syncViews(): void;
}

export interface TreeRow {
  path: string;
  name: string;
  kind: string;
  shape: string;
  units: number | string;
  depth: number;
  selectable: boolean;
  group: boolean;
}

/** `LayerTreeView`. */
export type TreeTraits = {
  rows: TreeRow[];
  selected: string;
  follow: boolean;
  used: boolean;
  pictured: string[];
  commands: string;
};

/** One value of the recipe in use; see `recipe_values.as_page`. */
export interface RecipeRow {
  path: string;
  group: string;
  name: string;
  kind: "number" | "whole" | "check" | "fixed";
  value: any;
  published?: any;
  about?: string;
  meaning?: string;
  optional?: boolean;
  low?: number;
  high?: number;
}

export interface RecipeInUse {
  name: string;
  reference: string;
  changed: boolean;
  steps: number;
  step_size: number;
  values: RecipeRow[];
}

export interface RecipeFacts {
  name: string;
  reference: string;
  steps: number;
  step_size: number;
  display: string;
}

export interface Term {
  kind: string;
  layer: string | null;
  unit: number | string | null;
  weight: number;
}

/** What the controls of the Optimize tab know of the network and of the recipes. */
export interface OptimizeFacts {
  ready?: boolean;
  network?: string;
  networks?: string[];
  untrained?: boolean;
  units?: number;
  positions?: boolean;
  unit_names?: string[];
  classes?: string[];
  layers?: string[];
  term_units?: (number | null)[];
  kinds?: string[];
  most_terms?: number;
  displays?: string[];
  recipe?: RecipeInUse;
  recipes?: RecipeFacts[];
}

/** `OptimizeView`. */
export type OptimizeTraits = {
  settings: Record<string, any>;
  facts: OptimizeFacts;
  live: string;
  commands: string;
};

/** Where the pictures of a sheet lie in it. */
export interface SheetLayout {
  columns: number;
  rows: number;
  cell: [number, number];
  stride: [number, number];
}

export interface Progress {
  tab?: string;
  state?: string;
  text?: string;
  done?: number;
  total?: number;
}

/** `FeaturesView`. */
export type FeaturesTraits = {
  settings: Record<string, any>;
  facts: {
    ready?: boolean;
    what?: [string, string][];
    looks?: [string, string][];
    counts?: number[];
    units?: number;
    layer?: string;
    recipes?: string[];
    objectives?: [string, string][];
  };
  heading: string;
  cells: { title: string; name?: string }[];
  places: SheetLayout;
  sheet: DataView;
  losses: (number | null)[];
  progress: Progress;
  live: string;
  controls: string;
  commands: string;
};

/** One unit of a catalogue; see `unit_page.as_page`. Its picture is the first buffer, photographs the others. */
export interface UnitMessage {
  layer: string;
  unit: number;
  name: string;
  score: number | null;
  status: string;
  size: [number, number];
  seeds: { seed: number; score: number | null; status: string }[];
  settings: string;
  patches: { photo: string; value: number; box: [number, number, number, number]; aspect: number }[];
  histogram: {
    counts: number[];
    low: number;
    high: number;
    mark: number | null;
    sparsity: number | null;
    views: number;
  } | null;
  neighbours: [string, number, number][];
  read: [string, number, number][];
  trust: { gauge: number | null; parts: [name: string, value: number | null, sentence: string][] } | null;
}

/** `ExemplarsView`. */
export type ExemplarsTraits = {
  facts: { of?: string; known?: boolean; possible?: boolean; words?: string };
  progress: { state?: string; done?: number; total?: number };
  live: string;
  commands: string;
};

/** `CatalogueView`. */
export type CatalogueTraits = {
  rows: { path: string; kind: string; units: number; done: number }[];
  settings: { sort?: string };
  facts: { sorts?: [string, string][]; words?: string; made?: string };
  chosen: [] | [layer: string, unit: number];
  progress: { state?: string; layer?: string; done?: number; total?: number; text?: string };
  version: number;
  live: string;
  commands: string;
};

/** {} or what is known of a photo. */
export interface PhotoTrait {
  number?: number;
  name?: string;
  credit?: string;
  size?: [number, number];
  seen?: [number, number];
  fit?: string;
  box?: [number, number, number, number];
  channels?: number;
}

export interface PhotoFacts {
  ready?: boolean;
  samples?: { name: string; title: string; credit: string }[];
  layer?: string;
  layer_shape?: number[];
  probabilities?: boolean;
  saliency?: [string, string][];
  cam?: [string, string][];
  methods?: [string, string][];
  displays?: [string, string][];
  fills?: [string, string][];
  maps?: Record<string, string>;
}

/** What is asked of the network; a class may be words that it has no name for. */
export interface Target {
  kind: string;
  class: number | string;
  against: number | string;
  layer: string;
  unit: number;
}

/** `PhotoView`. */
export type PhotoTraits = {
  tabs: [name: string, title: string, room: string][];
  tab: string;
  photo: PhotoTrait;
  preview: DataView;
  seen: DataView;
  predictions: [number, string, number][];
  settings: Record<string, any>;
  facts: PhotoFacts;
  progress: Progress;
  live: string;
  controls: string;
  commands: string;
};

/** `InvertStyleDreamView`. */
export type InvertStyleDreamTraits = {
  kind: "invert" | "style" | "dream";
  settings: Record<string, any>;
  facts: {
    ready?: boolean;
    layer?: string;
    layers?: string[];
    recipes?: [name: string, title: string, reference: string, steps: number, stepSize: number][];
    statistics?: [string, string][];
    style_layers?: string[];
    samples?: PhotoFacts["samples"];
  };
  photo: PhotoTrait;
  preview: DataView;
  live: string;
  commands: string;
};
