"""The main job: methods x pairs x metrics -> a run."""
