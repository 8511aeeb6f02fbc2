"""PromptDresser: garment features in every self-attention, prompts from captions, masks that follow the prompt."""
