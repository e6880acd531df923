"""Three fictional jobs and applicants for a first try. Every name, place and number in them is invented."""

EXAMPLES: dict[str, tuple[str, str]] = {
    "Data analyst": (
        """Data Analyst
Company: Fernhill Grocers
Location: Leeds

Fernhill Grocers runs 42 neighbourhood shops. We are looking for an analyst who helps our buyers order less and waste less.

What you will do
- Build the weekly stock and waste reports
- Answer questions from buyers and shop managers

What you bring
- Two years of experience with SQL
- Dashboards in Power BI or Tableau
- Clear writing for readers without a technical background
- Experience in retail or logistics is a plus""",
        """Mara Lindqvist
Data analyst

Experience
Reporting Analyst, Oakline Couriers, 2021 - present
- Cut the time for the weekly delivery report from two days to three hours with SQL
- Built 14 Power BI dashboards that depot managers use every morning
Junior Analyst, Pellworth Insurance, 2019 - 2021
- Wrote the monthly claims summary for 30 team leads

Education
BSc Statistics, University of Harrowgate, 2019

Skills
SQL, Power BI, Excel, Python, data cleaning""",
    ),
    "Ward nurse": (
        """Registered Nurse, Cardiology Ward
St. Alban Clinic, Brackenford

You care for 8 patients a shift in our cardiology ward and teach our students at the bedside.

Requirements
- Registered nurse with at least one year on a ward
- Experience with telemetry monitoring
- Calm in emergencies
- Willing to work nights and weekends""",
        """Tomasz Okonjo
Registered nurse

Experience
Staff Nurse, Westmoor General Hospital, Mar 2020 - present
- Looked after up to 10 patients a shift on a 28-bed internal ward
- Trained 12 new colleagues in telemetry monitoring
Care Assistant, Elmhurst Residence, 2017 - 2020

Education
Diploma in Nursing, Calder College, 2020

Certificates
Advanced Life Support

Skills
telemetry monitoring, wound care, medication rounds, patient teaching""",
    ),
    "Electrician": (
        """Electrician (m/f/d)
Company: Brightwell Solar
Location: Dunmere

We fit solar panels on family homes. You will work in a crew of three and talk to customers every day.

You need
- A finished apprenticeship as an electrician
- A driving licence
- Experience with inverters or battery storage
- A friendly way with customers""",
        """Ines Havergal
Electrician

Experience
Electrician, Copperfield Installations, 2018 - 2024
- Wired 60 family homes from meter to socket
- Led a crew of two apprentices
Apprentice, Hollis & Daughters Electrical, 2015 - 2018

Certificates
Driving licence category B
Working at heights

Skills
inverters, fault finding, cable routing, customer service""",
    ),
}
