package service

import (
	"math"
	"time"
)

// Point is a struct inside others.
type Point struct{ X, Y int }

// Tree holds itself in a list.
type Tree struct {
	Name     string
	Children []*Tree
}

// List holds itself through a pointer.
type List struct {
	Value int
	Next  *List
}

// Base is embedded. gob sends it as a field of its name; the tag makes JSON do the same.
type Base struct{ UserID string }

// Many has a field of every kind that both languages have.
type Many struct {
	Base       `json:"Base"`
	Flag       bool
	Int        int
	Int8       int8
	Int16      int16
	Int32      int32
	Int64      int64
	Uint       uint
	Uint8      uint8
	Uint16     uint16
	Uint32     uint32
	Uint64     uint64
	Float32    float32
	Float64    float64
	Text       string
	Bytes      []byte
	Nested     Point
	Points     []Point
	Texts      []string
	Matrix     [][]int32
	Fixed      [4]uint16
	FixedBytes [4]uint8
	ByName     map[string]Point
	ByNumber   map[int64]string
	ByByte     map[uint8]float64
	Deep       map[string][]map[int16]uint32
	At         time.Time
	Took       time.Duration
	Number     *int64
	Somewhere  *Point
	Nowhere    *Point
	Tree       Tree
	List       *List
	Blobs      [][]byte
}

// Full is a value of Many with something in every field but Nowhere.
func Full() Many {
	number := int64(-7)
	return Many{
		Base:       Base{UserID: "u-1"},
		Flag:       true,
		Int:        math.MinInt64,
		Int8:       math.MinInt8,
		Int16:      math.MinInt16,
		Int32:      math.MinInt32,
		Int64:      math.MaxInt64,
		Uint:       math.MaxUint64,
		Uint8:      math.MaxUint8,
		Uint16:     math.MaxUint16,
		Uint32:     math.MaxUint32,
		Uint64:     math.MaxUint64,
		Float32:    -1.25,
		Float64:    math.Pi,
		Text:       "gr\u00fc\u00df <&> \u2028 \U0001f30d \"quoted\"",
		Bytes:      []byte{0, 1, 127, 128, 255},
		Nested:     Point{X: 1, Y: -1},
		Points:     []Point{{X: 1}, {}, {Y: 2}},
		Texts:      []string{"", "a", ""},
		Matrix:     [][]int32{{1, 2}, {-3}},
		Fixed:      [4]uint16{0, 1, 128, 65535},
		FixedBytes: [4]uint8{10, 0, 200, 1},
		ByName:     map[string]Point{"": {}, "a": {X: 3, Y: 4}},
		ByNumber:   map[int64]string{-1: "minus", 0: "", math.MaxInt64: "max"},
		ByByte:     map[uint8]float64{0: 0.5, 255: -0.5},
		Deep:       map[string][]map[int16]uint32{"x": {{-1: 1}, {2: 3, 4: 5}}},
		At:         time.Date(2024, 2, 29, 12, 34, 56, 789012345, time.UTC),
		Took:       90*time.Minute + time.Nanosecond,
		Number:     &number,
		Somewhere:  &Point{X: 8, Y: 9},
		Tree:       Tree{Name: "root", Children: []*Tree{{Name: "l"}, {Name: "r", Children: []*Tree{{Name: "rl"}}}}},
		List:       Chain(50),
		Blobs:      [][]byte{{1}, {2, 3}},
	}
}

// Chain is a list of so many elements.
func Chain(length int) *List {
	var list *List
	for n := 0; n < length; n++ {
		list = &List{Value: n, Next: list}
	}
	return list
}

// Maps is a pair of maps to be made large.
type Maps struct {
	ByName   map[string]int
	ByNumber map[int]string
}

// Narrow has fields that a wider sender can overflow.
type Narrow struct {
	N int8
	U uint8
}

// Types answers with what it was sent.
type Types struct{}

func (*Types) Echo(args *Many, reply *Many) error {
	*reply = *args
	return nil
}

func (*Types) Maps(args *Maps, reply *Maps) error {
	*reply = *args
	return nil
}

func (*Types) Narrow(args *Narrow, reply *Narrow) error {
	*reply = *args
	return nil
}

func (*Types) List(args *List, reply *List) error {
	*reply = *args
	return nil
}
