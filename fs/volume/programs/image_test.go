package programs_test

// testImageMagick: scales as a CMS makes them, and pictures changed where they are.
func testImageMagick(p *place) {
	// No times in what it writes, and no threads that could share out the work in another way.
	const plain = `export MAGICK_THREAD_LIMIT=1; s=(-strip -define png:exclude-chunks=date,time)
		`
	p.sh(plain + `mkdir -p 003d/image/{large,mini,thumb}
		convert -size 640x480 plasma:fractal -seed 1 "${s[@]}" x.png; rm x.png
		convert -size 640x480 gradient:red-blue -swirl 90 "${s[@]}" -quality 85 003d/image/original.jpg
		for scale in large:400 mini:200 thumb:64; do
			convert 003d/image/original.jpg -resize "${scale#*:}" "${s[@]}" 003d/image/${scale%:*}/tanning-bed.jpg
		done
		identify -format '%d/%f %w %h %m\n' 003d/image/*/*.jpg`)
	p.sh(plain + `cp -r 003d/image work; mogrify -resize 50% "${s[@]}" work/*/*.jpg; mogrify -format png "${s[@]}" work/large/*.jpg; mogrify -rotate 90 "${s[@]}" work/large/*.png
		convert work/original.jpg -flip "${s[@]}" work/original.jpg; convert work/original.jpg work/mini/*.jpg -append "${s[@]}" work/sheet.gif
		composite -gravity center work/thumb/tanning-bed.jpg work/original.jpg "${s[@]}" work/original.jpg; montage work/*/*.jpg -geometry 50x50 "${s[@]}" PNG:- | convert - "${s[@]}" work/montage.png
		identify -format '%d/%f %w %h %m\n' work/*.* work/*/*`)
	p.inS3("003d/image/original.jpg", "003d/image/mini/tanning-bed.jpg")
	p.sh(plain + `mogrify -modulate 120 "${s[@]}" 003d/image/original.jpg; mogrify -path 003d/image/thumb -thumbnail 32x32 "${s[@]}" 003d/image/original.jpg`)
	p.exit(`echo none >none.jpg; convert none.jpg -resize 10 none.png`)
}
