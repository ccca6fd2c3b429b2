// What a report says, in each language that it is written in.
#pragma once

#include "parapet/precision.h"

namespace parapet {

struct ReportWords {
  const char* language;  // of HTML
  const char* title;
  const char* passed;
  const char* failed;

  const char* setup;
  const char* item;
  const char* description;
  const char* candidate;
  const char* reference;
  const char* checkpoint;
  const char* dummy_weights;
  const char* machine;
  const char* prompts;
  const char* prompt_counts;  // general, through the template
  const char* compared;
  const char* compared_logits;
  const char* compared_logprobs;
  const char* compared_top;  // with a count
  const char* positions;
  const char* position_last;
  const char* position_generated;
  const char* position_all;
  const char* made;
  const char* took;

  const char* metrics;
  const char* metric;
  const char* versus;
  const char* threshold;
  const char* judgement;
  const char* met;
  const char* missed;
  const char* average;  // a metric's prefix
  const char* least;
  const char* largest;
  const char* mean;
  const char* token_agreement;
  const char* cosine;
  const char* pearson;
  const char* relative_error;
  const char* kl;
  const char* abs_diff;
  const char* margin;
  const char* within_noise;
  const char* text_match;
  const char* label_match;
  const char* category_match;
  const char* label_shift;

  const char* by_prompt;
  const char* number;
  const char* prompt;
  const char* first_token;  // behind a side's name
  const char* match;
  const char* only_worst;  // with a count

  const char* why;
  const char* source;
  const char* effect;
  const char* share;
  const char* together;
  const char* sources_note;  // with a count
  const char* all_sources;
  const char* all_what;
  const char* summed_sources;
  const char* summed_what;
  const char* layers;
  const char* layer;
  const char* layer_embedding;
  const char* layer_head;
  const char* own_error;
  const char* suspect_layer;  // with a number and an operator
  const char* other_kernels;
  const char* other_kernels_reference;
  const char* other_kernels_candidate;
  const char* operators;
  const char* operator_name;
  const char* worst_layer;
  const char* worst_error;

  const char* safety;
  const char* safety_case;
  const char* output;  // behind a side's name
  const char* same;
  const char* no_verdict;
  const char* probability_shift;

  const char* raw_data;
  const char* plot_prompts;
  const char* plot_layers;
  const char* plot_scatter;
  const char* plot_histogram;
  const char* axis_difference;
  const char* axis_share;
};

const ReportWords& report_words(ReportLanguage language);

}  // namespace parapet
