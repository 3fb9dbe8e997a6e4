package courseconfig

import (
	"math/big"
	"slices"
)

// models holds the tables of one load. Their only variable part is the default
// grader address.
type models struct {
	course     *model
	module     *model
	reveal     *model
	configure  *model
	chapter    *model
	exercise   *model
	lti        *model
	lti1p3     *model
	collection *model
}

func newModels(defaultGraderURL string) *models {
	m := &models{reveal: revealModel(), configure: configureModel(defaultGraderURL)}
	objects := &objectKind{models: m}
	m.chapter = chapterModel(objects)
	m.exercise = exerciseModel(m, objects)
	m.lti = ltiModel(m, objects)
	m.lti1p3 = lti1p3Model(m, objects)
	m.collection = collectionModel(objects)
	m.module = moduleModel(m, objects)
	m.course = courseModel(m)
	return m
}

// owners names the other model that has a key, or else the one that has a key
// which is written nearly so. Without any both results are empty.
func (m *models) owners(but *model, key string) (meant, owner string) {
	others := []*model{m.course, m.module, m.chapter, m.exercise, m.lti, m.lti1p3, m.collection, m.reveal, m.configure}
	for _, other := range others {
		if other != but && other.names(key) {
			return key, other.noun
		}
	}
	for _, other := range others {
		if near := nearest(key, other.keys()); other != but && near != "" {
			return near, other.noun
		}
	}
	return "", ""
}

// atLeast is a whole number with a lower bound.
func atLeast(n int64) intKind { return intKind{min: big.NewInt(n)} }

func configureModel(defaultGraderURL string) *model {
	url := field{name: "url", kind: textKind{}, doc: "Address of the grader's configuration service."}
	if defaultGraderURL == "" {
		url.required = true
	} else {
		url.fallback = defaultGraderURL
	}
	return &model{noun: "configure", fields: []field{
		{name: "files", kind: mapKind{textKind{}}, fallback: pairs{}, doc: "Files for the grader: name there to path in the course."},
		url,
	}}
}

func revealModel() *model {
	return &model{noun: "a reveal rule", known: []string{"show_zero_points_immediately"}, fields: []field{
		{name: "trigger", kind: literalKind{"immediate", "manual", "time", "deadline", "deadline_all", "deadline_or_full_points", "completion"}, required: true, doc: "What reveals."},
		{name: "time", kind: dateKind{}, doc: "When, for the trigger time."},
		{name: "delay_minutes", kind: atLeast(0), doc: "Minutes to wait after the trigger."},
	}}
}

func courseModel(m *models) *model {
	numbering := literalKind{"none", "arabic", "roman", "hidden"}
	return &model{
		noun:  "the course",
		rules: checkCourse,
		known: []string{"module_types", "exercise_types", "language", "points_goal_enabled", "contact_phone", "exercises"},
		fields: []field{
			{name: "name", kind: localizedKind{textKind{}}, required: true, doc: "Name of the course."},
			{name: "modules", kind: listKind{recordKind{m.module}}, required: true, doc: "Modules in the order that students see."},
			{name: "lang", alias: "language", kind: languagesKind{}, fallback: "en", doc: "Languages of the course, the default one first."},
			{name: "archive_time", kind: dateKind{}, nullable: true, doc: "When the course is archived; null resets it in A+."},
			{name: "assistants", kind: listKind{textKind{}}, doc: "Student ids of the assistants."},
			{name: "categories", kind: categoriesKind{}, fallback: pairs{}, doc: "Exercise categories by key."},
			{name: "contact", kind: textKind{}, doc: "Technical e-mail addresses, separated by commas."},
			{name: "content_numbering", kind: numbering, doc: "Numbering of the content."},
			{name: "course_description", kind: textKind{}, doc: "HTML on the course's front page."},
			{name: "course_footer", kind: textKind{}, doc: "HTML at the end of the course's front page."},
			{name: "description", kind: textKind{}, doc: "Description of the course."},
			{name: "start", kind: dateKind{}, doc: "When the course begins."},
			{name: "end", kind: dateKind{}, doc: "When the course ends."},
			{name: "enrollment_audience", kind: literalKind{"internal", "external", "all"}, doc: "Who may enroll."},
			{name: "enrollment_end", kind: dateKind{}, nullable: true, doc: "When enrollment ends; null resets it in A+."},
			{name: "enrollment_start", kind: dateKind{}, nullable: true, doc: "When enrollment begins; null resets it in A+."},
			{name: "head_urls", kind: listKind{headURLKind{}}, doc: "Scripts and style sheets for every page of the course."},
			{name: "index_mode", kind: literalKind{"results", "toc", "last", "experimental"}, doc: "What the front page shows."},
			{name: "lifesupport_time", kind: dateKind{}, nullable: true, doc: "When model answers are removed; null resets it in A+."},
			{name: "module_numbering", kind: numbering, doc: "Numbering of the modules."},
			{name: "numerate_ignoring_modules", kind: boolKind{}, doc: "Whether exercises are numbered through all modules."},
			{name: "view_content_to", kind: literalKind{"enrolled", "enrollment_audience", "all_registered", "public"}, doc: "Who sees the content."},
			{name: "static_dir", kind: pathKind{}, doc: "Folder with the course's pages."},
			{name: "unprotected_paths", kind: publicPathsKind{}, doc: "Paths in the static folder that need no login; without this key none does."},
			{name: "configures", kind: listKind{recordKind{m.configure}}, fallback: []any{}, doc: "Graders that the course as a whole configures."},
		},
	}
}

func moduleModel(m *models, objects kind) *model {
	return &model{
		noun:    "a module",
		prepare: oneName,
		rules:   checkModule,
		known:   []string{"type"},
		fields: []field{
			{name: "name", alias: "title", kind: localizedKind{textKind{}}, required: true, doc: "Name of the module."},
			{name: "key", kind: textKind{}, required: true, doc: "Key of the module, unique in the course."},
			{name: "status", kind: textKind{}, doc: "One of ready, unlisted, hidden, maintenance."},
			{name: "order", kind: intKind{}, doc: "Place among the modules."},
			{name: "introduction", kind: textKind{}, doc: "HTML above the module's content."},
			{name: "open", kind: dateKind{}, doc: "When the module opens."},
			{name: "close", kind: dateKind{}, doc: "When the module closes."},
			{name: "duration", kind: durationKind{}, doc: "How long the module is open, instead of close."},
			{name: "read-open", kind: dateKind{}, nullable: true, fallback: null{}, doc: "When the module may be read."},
			{name: "points_to_pass", kind: atLeast(0), doc: "Points needed to pass."},
			{name: "late_close", kind: dateKind{}, doc: "Until when late submissions are accepted."},
			{name: "late_penalty", kind: fractionKind{}, doc: "Part of the points that a late submission loses."},
			{name: "late_duration", kind: durationKind{}, doc: "How long late submissions are accepted, instead of late_close."},
			{name: "numerate_ignoring_modules", kind: boolKind{}, doc: "Whether exercises are numbered through all modules."},
			{name: "model_answer", kind: textKind{}, doc: "Chapter with the model solution, as module/chapter."},
			{name: "reveal_module_model_solution", kind: recordKind{m.reveal}, doc: "When the model solution is shown."},
			{name: "children", kind: listKind{objects}, fallback: []any{}, doc: "Chapters and exercises of the module."},
		},
	}
}

// commonFields are the fields of every learning object.
func commonFields(objects kind) []field {
	return []field{
		{name: "key", kind: textKind{}, required: true, doc: "Key of the object, unique in its module."},
		{name: "category", kind: textKind{}, required: true, doc: "Key of one of the course's categories."},
		{name: "status", kind: textKind{}, doc: "One of ready, unlisted, enrollment, enrollment_ext, hidden, maintenance."},
		{name: "order", kind: intKind{}, doc: "Place among its siblings."},
		{name: "audience", kind: literalKind{"internal", "external", "registered"}, doc: "Who sees the object."},
		{name: "name", alias: "title", kind: localizedKind{textKind{}}, doc: "Name of the object."},
		{name: "description", kind: textKind{}, doc: "Short description."},
		{name: "use_wide_column", kind: boolKind{}, doc: "Whether the page is wide."},
		{name: "url", kind: localizedKind{textKind{}}, doc: "Address of the object's service."},
		{name: "model_answer", kind: localizedKind{textKind{}}, doc: "Addresses of the model answer."},
		{name: "exercise_template", kind: localizedKind{textKind{}}, doc: "Addresses of the template."},
		{name: "exercise_info", kind: anyKind{}, nullable: true, doc: "Data about the exercise, as it is."},
		{name: "children", kind: listKind{objects}, fallback: []any{}, doc: "Objects below this one."},
	}
}

func chapterModel(objects kind) *model {
	return &model{noun: "a chapter", strict: true, prepare: prepareObject, fields: append(commonFields(objects),
		field{name: "static_content", kind: localizedKind{relativePathKind{}}, required: true, doc: "Page of the chapter, a path in the static folder."},
		field{name: "generate_table_of_contents", kind: boolKind{}, doc: "Whether the page shows a table of contents."},
	)}
}

func exerciseModel(m *models, objects kind) *model {
	return &model{noun: "an exercise", strict: true, prepare: prepareObject, rules: checkExercise, fields: append(commonFields(objects),
		field{name: "max_submissions", kind: atLeast(0), fallback: new(big.Int), doc: "How often a student may submit; 0 is without limit."},
		field{name: "configure", kind: recordKind{m.configure}, doc: "Grader of the exercise and its files."},
		field{name: "allow_assistant_viewing", kind: boolKind{}, doc: "Whether assistants see submissions."},
		field{name: "allow_assistant_grading", kind: boolKind{}, doc: "Whether assistants grade submissions."},
		field{name: "config", kind: pathKind{}, doc: "Configuration file; a leading slash means the course folder."},
		field{name: "type", kind: textKind{}, doc: "Name of one of the course's exercise_types."},
		field{name: "confirm_the_level", kind: boolKind{}, doc: "Whether passing confirms a level."},
		field{name: "difficulty", kind: textKind{}, doc: "Difficulty."},
		field{name: "min_group_size", kind: atLeast(0), doc: "Smallest group."},
		field{name: "max_group_size", kind: atLeast(0), doc: "Largest group."},
		field{name: "max_points", kind: atLeast(0), doc: "Most points."},
		field{name: "points_to_pass", kind: atLeast(0), doc: "Points needed to pass."},
		field{name: "reveal_submission_feedback", kind: recordKind{m.reveal}, doc: "When feedback is shown."},
		field{name: "reveal_model_solutions", kind: recordKind{m.reveal}, doc: "When model solutions are shown."},
		field{name: "grading_mode", kind: literalKind{"best", "last"}, doc: "Which submission counts."},
	)}
}

func ltiModel(m *models, objects kind) *model {
	base := exerciseModel(m, objects)
	base.noun = "an LTI exercise"
	base.fields = append(base.fields,
		field{name: "lti", kind: textKind{}, required: true, doc: "Name of an LTI service in A+."},
		field{name: "lti_context_id", kind: textKind{}, doc: "LTI context."},
		field{name: "lti_resource_link_id", kind: textKind{}, doc: "LTI resource."},
		field{name: "lti_aplus_get_and_post", kind: boolKind{}, doc: "Whether A+ loads the exercise itself."},
		field{name: "lti_open_in_iframe", kind: boolKind{}, doc: "Whether the exercise opens inside the page."},
	)
	return base
}

func lti1p3Model(m *models, objects kind) *model {
	base := exerciseModel(m, objects)
	base.noun = "an LTI 1.3 exercise"
	base.fields = append(base.fields,
		field{name: "lti1p3", kind: textKind{}, required: true, doc: "Name of an LTI 1.3 service in A+."},
		field{name: "lti_open_in_iframe", kind: boolKind{}, doc: "Whether the exercise opens inside the page."},
		field{name: "lti_custom", kind: textKind{}, doc: "Custom parameters."},
	)
	return base
}

func collectionModel(objects kind) *model {
	return &model{noun: "an exercise collection", strict: true, prepare: prepareObject, rules: checkCollection, fields: append(commonFields(objects),
		field{name: "target_category", kind: textKind{}, required: true, doc: "Category whose points are collected."},
		field{name: "target_url", kind: textKind{}, required: true, doc: "Address of the course that is collected from."},
		field{name: "max_points", kind: atLeast(1), required: true, doc: "Most points."},
		field{name: "points_to_pass", kind: atLeast(0), doc: "Points needed to pass."},
	)}
}

// isExercise says whether a record is one of the three exercise models.
func (m *models) isExercise(of *model) bool {
	return slices.Contains([]*model{m.exercise, m.lti, m.lti1p3}, of)
}
