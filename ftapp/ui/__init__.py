"""The screens, one file a tab. They know components, words and who asks; the work is `ftapp.studio`'s."""
