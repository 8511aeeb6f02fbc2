"""The procedural photo studio: parametric people in parametric garments, with every annotation exact (extra ``studio``)."""
