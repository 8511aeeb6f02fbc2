"""Annotations to and from other tools: COCO, CVAT, Label Studio, labelme."""
