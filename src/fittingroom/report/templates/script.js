(function () {
  'use strict';
  // Without this script every link still leads to the large picture in the gallery.
  var dialog = document.createElement('dialog');
  if (!dialog.showModal) return;
  dialog.className = 'large';
  document.body.appendChild(dialog);
  var places = [], at = 0;

  function show(index) {
    at = (index + places.length) % places.length;
    var link = places[at];
    var small = link.querySelector('img');
    var full = document.getElementById(link.getAttribute('href').slice(1)) || small;
    var image = new Image();
    image.src = full.src;
    image.alt = small.alt;
    var words = document.createElement('p');
    words.textContent = small.title || small.alt;
    dialog.replaceChildren(image, words);
  }

  document.querySelectorAll('a.zoom').forEach(function (link) {
    link.addEventListener('click', function (event) {
      event.preventDefault();
      places = Array.from(link.closest('.row').querySelectorAll('a.zoom'));
      show(places.indexOf(link));
      dialog.showModal();
    });
  });
  dialog.addEventListener('click', function () { dialog.close(); });
  dialog.addEventListener('keydown', function (event) {
    if (event.key === 'ArrowRight') show(at + 1);
    if (event.key === 'ArrowLeft') show(at - 1);
  });
  window.addEventListener('beforeprint', function () {
    document.querySelectorAll('details').forEach(function (entry) { entry.open = true; });
  });
})();
