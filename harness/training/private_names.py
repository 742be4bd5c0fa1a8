"""The private methods of TRL's GRPOTrainer that are overridden.

A test holds each, so that an upgrade of TRL that breaks us says where.
"""

from __future__ import annotations

PRIVATE_NAMES = {
    "_generate": "(self, prompts)",
    "_generate_single_turn": "(self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images)",
    "_tokenize_prompts": "(self, prompts)",
    "_calculate_rewards": "(self, inputs, prompts, completions, completion_ids_list)",
    "_generate_and_score_completions": "(self, inputs)",
    "_load_from_checkpoint": "(self, resume_from_checkpoint, model)",
    "_compute_loss": "(self, model, inputs)",
    "_get_per_token_logps_and_entropies": (
        "(self, model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, compute_aux_loss, "
        "pixel_values, image_grid_thw, num_images, pixel_attention_mask, spatial_shapes, num_tiles, image_sizes, "
        "token_type_ids, mm_token_type_ids, image_position_ids)"
    ),
}
"""The methods of GRPOTrainer that are overridden here, with the signatures they must have."""
