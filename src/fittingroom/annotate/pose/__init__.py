"""Annotators that find the joints of people: OpenPose of our own, RTMPose and DWPose, ViTPose."""
